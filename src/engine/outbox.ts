import type { FailureReason, SmsOutcome } from '../sms.ts';
import { ANY_DELIVERY, type Code, type Tx } from '../store.ts';
import type { Deps } from './deps.ts';
import { logMessage, type MessageResult } from './message-log.ts';
import type { Message } from './request.ts';
import { isKnownDevice, refund } from './sms-limits.ts';

/** Sends a message after the response, then logs and records the outcome. A suppressed one does the same work, except for the sending. */
export function deliver(deps: Deps, message: Message): void {
  const { charge, sms, code } = message;
  deps.afterResponse(async () => {
    const outcome = await send(deps, message);
    logMessage(deps, message, resultOf(message, outcome));
    if (outcome.kind === 'unknown') deps.alert({ event: 'sms_unconfirmed' });
    await deps.store.transact(
      async (tx) => {
        if (outcome.kind === 'refused') await refund(tx, charge, sms, outcome);
        if (code !== undefined) await recordOutcome(tx, code, outcome);
      },
      { about: { email: message.account.email } },
    );
    if (outcome.kind === 'sent' && !charge.isSuppressed && code !== undefined)
      trackDelivery(deps, message, code, outcome.messageId);
  });
}

function resultOf({ charge }: Message, outcome: SmsOutcome): MessageResult {
  if (charge.suppressedBy !== undefined) return { event: 'sms_suppressed', reason: charge.suppressedBy };
  return {
    event: `sms_${outcome.kind}`,
    ...(outcome.kind === 'refused' && { reason: outcome.reason }),
    ...(outcome.kind === 'sent' && { messageId: outcome.messageId }),
    ...(outcome.facts && { provider: outcome.facts }),
  };
}

/** A known device learns that its message was suppressed. For a stranger a suppressed message looks like any other. */
async function send({ sms: port }: Deps, { account, sms, charge, text }: Message): Promise<SmsOutcome> {
  if (!charge.isSuppressed) return port.send(account.phoneno, text(), sms.trust);
  if (isKnownDevice(sms)) return { kind: 'refused', reason: 'busy' };
  const decoy = await port.sendDecoy?.(account.phoneno, text(), sms.trust);
  return decoy ?? { kind: 'sent', messageId: '' };
}

/** A refusal voids a code that was never sent. A code that was sent before stays good. */
async function recordOutcome(tx: Tx, { id }: Code, outcome: SmsOutcome): Promise<void> {
  if (outcome.kind === 'refused') return tx.noteDelivery(id, 'refused', ['sending'], outcome.reason);
  return tx.noteDelivery(id, outcome.kind, ANY_DELIVERY);
}

/** Records what became of an accepted message, if the sender can tell. A code whose message is lost stays good. */
function trackDelivery(deps: Deps, message: Message, { id }: Code, messageId: string): void {
  const { store, sms, detached } = deps;
  if (sms.trackDelivery === undefined) return;
  detached(async () => {
    const result = await sms.trackDelivery?.(messageId);
    if (result === undefined) return;
    const { kind, facts } = result;
    const reason: FailureReason | undefined = kind === 'failed' ? result.reason : undefined;
    const told = { ...(reason && { reason }), ...(facts && { provider: facts }) };
    logMessage(deps, message, { event: `delivery_${kind}`, messageId, ...told });
    if (kind === 'unknown') return;
    const about = { email: message.account.email };
    await store.transact((tx) => tx.noteDelivery(id, kind, ['sent'], reason), { about });
  });
}
