import { CONSTANTS } from '../policy.ts';
import {
  type About,
  type Flow,
  type Session,
  type TransactOptions,
  type Tx,
  UNKNOWN_DEVICE,
} from '../store.ts';
import { hashOf } from '../token.ts';
import { accountFor } from './accounts.ts';
import type { Deps } from './deps.ts';
import { knownDevice } from './devices.ts';
import { deliver } from './outbox.ts';
import { type EngineRequest, type Message, timeOf, toNewPhone } from './request.ts';
import type { Client, FlowForm, SessionForm } from './requests.ts';
import { liveSession } from './sessions.ts';

/** A request of a signed-in user. */
export interface SessionRequest extends EngineRequest {
  readonly session: Session;
}

type AccountForm = { email: string; device?: string } & Client;

/** Runs the steps of a request about an account in one transaction. */
export async function forAccount<Outcome>(
  deps: Deps,
  form: AccountForm,
  steps: (request: EngineRequest) => Promise<Outcome>,
): Promise<Outcome> {
  const { email } = form;
  const about = { email, ...(form.device !== undefined && { device: hashOf(form.device) }) };
  return inTransaction(deps, about, async (tx, outbox) => {
    const device = await knownDevice(tx, form, timeOf(deps, tx));
    return steps(await requestFor(deps, tx, outbox, form, device));
  });
}

/** Runs the steps of a request about a flow, for the flow's account. Returns `unknown` if the flow does not exist. */
export async function forFlow<Outcome>(
  deps: Deps,
  form: FlowForm,
  unknown: Outcome,
  steps: (request: EngineRequest, flow: Flow) => Promise<Outcome>,
  options: Omit<TransactOptions, 'about'> = {},
): Promise<Outcome> {
  const flowHash = hashOf(form.flow);
  return inTransaction(
    deps,
    { flow: flowHash },
    async (tx, outbox) => {
      const flow = await tx.flowFor(flowHash);
      if (flow === undefined) return unknown;
      const { email } = flow.code;
      const device = await knownDevice(tx, { email, device: form.deviceOf?.(email) }, timeOf(deps, tx));
      const request = await requestFor(deps, tx, outbox, { ...form, email }, device);
      const { purpose, phoneno } = flow.code;
      return steps(purpose === 'newphone' ? toNewPhone(request, phoneno) : request, flow);
    },
    options,
  );
}

/** Runs the steps of a signed-in user's request, for the account and the device of the session. */
export async function forSession<Outcome>(
  deps: Deps,
  form: SessionForm & Client,
  steps: (request: SessionRequest) => Promise<Outcome>,
): Promise<Outcome | { kind: 'signed_out' }> {
  const { session } = form;
  if (!session) return { kind: 'signed_out' };
  return inTransaction(deps, { session: hashOf(session) }, async (tx, outbox) => {
    const found = await liveSession(tx, session, timeOf(deps, tx));
    if (found === undefined) return { kind: 'signed_out' };
    const { email } = found;
    const isKnown = (await tx.devicesOf(email, timeOf(deps, tx))).some(({ id }) => id === found.device);
    const device = isKnown ? found.device : UNKNOWN_DEVICE;
    return steps({ ...(await requestFor(deps, tx, outbox, { ...form, email }, device)), session: found });
  });
}

/** As `forSession`, for a request that needs the password proved within the last five minutes. */
export async function forProvedSession<Outcome>(
  deps: Deps,
  form: SessionForm & Client,
  steps: (request: SessionRequest) => Promise<Outcome>,
): Promise<Outcome | { kind: 'signed_out' } | { kind: 'prove_again' }> {
  return forSession(deps, form, async (request) => {
    const { nowMs, session } = request;
    const isProved =
      nowMs >= session.provedAtMs && nowMs < session.provedAtMs + CONSTANTS.provedSeconds * 1000;
    return isProved ? steps(request) : { kind: 'prove_again' };
  });
}

/** Runs a work in one transaction. Sends its messages after the commit. */
export async function inTransaction<Outcome>(
  deps: Deps,
  about: About,
  work: (tx: Tx, outbox: Message[]) => Promise<Outcome>,
  options: Omit<TransactOptions, 'about'> = {},
): Promise<Outcome> {
  const done = await deps.store.transact(
    async (tx) => {
      const outbox: Message[] = [];
      return { outcome: await work(tx, outbox), outbox };
    },
    { ...options, about },
  );
  for (const message of done.outbox) deliver(deps, message);
  return done.outcome;
}

async function requestFor(
  deps: Deps,
  tx: Tx,
  outbox: Message[],
  form: { email: string } & Client,
  device: string,
): Promise<EngineRequest> {
  const nowMs = timeOf(deps, tx);
  const account = await accountFor(tx, deps.store.saltKey, form.email);
  const { network, prefix48, requestId, browserOf } = form;
  const client: Client = {
    network,
    ...(prefix48 !== undefined && { prefix48 }),
    ...(requestId !== undefined && { requestId }),
    ...(browserOf !== undefined && { browserOf }),
  };
  return { deps, tx, nowMs, client, account, device, outbox };
}
