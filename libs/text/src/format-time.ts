/** Formats a local time as Python's `strftime` does in the C locale, for the directives that chat templates use. */
export function formatTime(time: Date, format: string): string {
  return format.replace(/%[-]?[YymdBbAaHIMSpjeZ%]/g, (directive) => {
    const value = DIRECTIVES[directive.at(-1) ?? '']?.(time) ?? directive;
    return directive.includes('-') ? value.replace(/^0+(?=.)/, '') : value;
  });
}

const DIRECTIVES: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => String(time.getFullYear()),
  y: (time) => twoDigits(time.getFullYear() % 100),
  m: (time) => twoDigits(time.getMonth() + 1),
  d: (time) => twoDigits(time.getDate()),
  e: (time) => String(time.getDate()).padStart(2),
  j: (time) => String(dayOfYear(time)).padStart(3, '0'),
  B: (time) => name(time, { month: 'long' }),
  b: (time) => name(time, { month: 'short' }),
  A: (time) => name(time, { weekday: 'long' }),
  a: (time) => name(time, { weekday: 'short' }),
  H: (time) => twoDigits(time.getHours()),
  I: (time) => twoDigits(((time.getHours() + 11) % 12) + 1),
  M: (time) => twoDigits(time.getMinutes()),
  S: (time) => twoDigits(time.getSeconds()),
  p: (time) => (time.getHours() < 12 ? 'AM' : 'PM'),
  Z: () => '',
  '%': () => '%',
};

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function name(time: Date, part: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat('en-US', part).format(time);
}

function dayOfYear(time: Date): number {
  const day = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return (day - Date.UTC(time.getFullYear(), 0, 1)) / MILLISECONDS_PER_DAY + 1;
}

const MILLISECONDS_PER_DAY = 86_400_000;
