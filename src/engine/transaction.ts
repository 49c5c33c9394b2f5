import type { Flow, Tx } from '../store.ts';
import { hashOf } from '../token.ts';
import { accountFor } from './accounts.ts';
import type { Deps } from './deps.ts';
import { knownDevice } from './devices.ts';
import { deliver } from './outbox.ts';
import type { EngineRequest, Message } from './request.ts';
import type { ClientNetwork, FlowForm } from './requests.ts';

type AccountForm = { email: string; device?: string } & ClientNetwork;

/** Runs the steps of a request about an account in one transaction. Sends its messages after the commit. */
export async function forAccount<Outcome>(
  deps: Deps,
  form: AccountForm,
  steps: (request: EngineRequest) => Promise<Outcome>,
): Promise<Outcome> {
  return inTransaction(deps, async (tx, outbox) => steps(await requestFor(deps, tx, outbox, form)));
}

/** Runs the steps of a request about a flow, for the flow's account. Returns `unknown` if the flow does not exist. */
export async function forFlow<Outcome>(
  deps: Deps,
  form: FlowForm,
  unknown: Outcome,
  steps: (request: EngineRequest, flow: Flow) => Promise<Outcome>,
): Promise<Outcome> {
  return inTransaction(deps, async (tx, outbox) => {
    const flow = await tx.flowFor(hashOf(form.flow));
    if (flow === undefined) return unknown;
    const { email } = flow.code;
    const device = form.deviceOf?.(email);
    const ofAccount = { ...form, email, ...(device !== undefined && { device }) };
    return steps(await requestFor(deps, tx, outbox, ofAccount), flow);
  });
}

async function inTransaction<Outcome>(
  deps: Deps,
  work: (tx: Tx, outbox: Message[]) => Promise<Outcome>,
): Promise<Outcome> {
  const done = await deps.store.transact(async (tx) => {
    const outbox: Message[] = [];
    return { outcome: await work(tx, outbox), outbox };
  });
  for (const message of done.outbox) deliver(deps, message);
  return done.outcome;
}

async function requestFor(deps: Deps, tx: Tx, outbox: Message[], form: AccountForm): Promise<EngineRequest> {
  const nowMs = deps.nowMs();
  const account = await accountFor(tx, deps.store.saltKey, form.email);
  const device = await knownDevice(tx, form, nowMs);
  const { network, prefix48, requestId } = form;
  const client: ClientNetwork = {
    network,
    ...(prefix48 !== undefined && { prefix48 }),
    ...(requestId !== undefined && { requestId }),
  };
  return { deps, tx, nowMs, client, account, device, outbox };
}
