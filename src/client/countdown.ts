const timers = new WeakMap<HTMLElement, number>();

/**
 * Keeps a button from being pressed until `atMs`, and counts down in its `.hold` and in what the form says of a code that
 * was refused.
 */
export function holdButton(button: JQuery, atMs: number): void {
  const element = button.get(0);
  if (!element) return;
  clearInterval(timers.get(element));
  let hasWaited = false;
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((atMs - Date.now()) / 1000));
    showWait(button, seconds, hasWaited);
    if (seconds === 0) clearInterval(timers.get(element));
    hasWaited = true;
  };
  timers.set(element, window.setInterval(tick, 250));
  tick();
}

function showWait(button: JQuery, seconds: number, hasWaited: boolean): void {
  const hold = button.closest('.hold');
  button.prop('disabled', seconds > 0);
  button
    .closest('form')
    .find('.spent')
    .add(hold)
    .find('.countdown')
    .prop('hidden', seconds === 0)
    .find('time')
    .text(asClock(seconds));
  hold.find('.freed').text(seconds === 0 && hasWaited ? String(hold.data('freed')) : '');
}

/** Seconds as a clock shows them: `0:42`, `1:00:00`. */
function asClock(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
