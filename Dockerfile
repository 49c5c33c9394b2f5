# Builds the program, then keeps only what runs. Stop a container with at least 20 seconds of patience.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY build build
COPY src src
COPY public public
COPY views views
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/public public
COPY --from=build /app/views views
# The only folder that the program writes to, and only with SQLite: mount a volume there.
RUN install -d -o node -g node -m 700 data
USER node
EXPOSE 5000
CMD ["node", "--enable-source-maps", "dist/main.js"]
