/** Returns the seconds left until `atMs`. If the device's clock was set back, that is no more than the whole `wait`. */
export function secondsUntil(atMs: number, waitSeconds: number): number {
  return Math.min(waitSeconds, Math.max(0, Math.ceil((atMs - Date.now()) / 1000)));
}

/** Disables a button for some seconds. Counts down beside the button, and in the form's message about a refused code. */
export function disableFor(button: JQuery, waitSeconds: number): void {
  clearInterval(button.data('timer'));
  // The device's clock can be set back, and the page's own clock can stop while the device sleeps.
  const clocks = [Date, performance].map((clock) => ({ clock, endMs: clock.now() + waitSeconds * 1000 }));
  let hasWaited = false;
  const tick = () => {
    const leftMs = Math.min(...clocks.map(({ clock, endMs }) => endMs - clock.now()));
    const seconds = Math.max(0, Math.ceil(leftMs / 1000));
    showSecondsLeft(button, seconds, hasWaited);
    if (seconds === 0) clearInterval(button.data('timer'));
    hasWaited = true;
  };
  button.data('timer', setInterval(tick, 250));
  tick();
}

function showSecondsLeft(button: JQuery, seconds: number, hasWaited: boolean): void {
  const cooldown = button.closest('.cooldown');
  button.prop('disabled', seconds > 0);
  button
    .filter('.again')
    .closest('form')
    .find('.refusal')
    .add(cooldown)
    .find('.countdown')
    .prop('hidden', seconds === 0)
    .find('time')
    .text(asClock(seconds));
  const ready = cooldown.find('.ready');
  ready.text(seconds === 0 && hasWaited ? String(ready.data('text')) : '');
}

/** Formats seconds as a clock: `0:42`, `1:00:00`. */
function asClock(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
