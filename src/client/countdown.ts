/** Disables a button until `atMs`. Counts down beside the button, and in the form's message about a refused code. */
export function disableUntil(button: JQuery, atMs: number): void {
  clearInterval(button.data('timer'));
  let hasWaited = false;
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((atMs - Date.now()) / 1000));
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
