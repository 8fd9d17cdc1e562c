/**
 * Named places in a commit path where a test can make the process die or stop. Outside tests this is one comparison.
 *
 * SLUICE_FAULT holds `name[#occurrence]=kill|stop|exit`, several separated by commas: at the given occurrence (the first
 * if left out) of the named point the process sends itself SIGKILL or SIGSTOP, or exits with code 70. Worker threads share
 * the process, so a kill takes all of them, as a real one does.
 */
const planned = parse(process.env['SLUICE_FAULT']);

interface PlannedFault {
  occurrence: number;
  seen: number;
  action: string;
}

export function faultPoint(name: string): void {
  if (planned === null) return;
  const fault = planned.get(name);
  if (!fault || ++fault.seen !== fault.occurrence) return;
  if (fault.action === 'exit') process.exit(70);
  process.kill(process.pid, fault.action === 'stop' ? 'SIGSTOP' : 'SIGKILL');
  // The signal may reach another thread first: nothing may run on here meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.action === 'stop' ? 50 : 10_000);
}

function parse(text: string | undefined): Map<string, PlannedFault> | null {
  if (!text) return null;
  const faults = new Map<string, PlannedFault>();
  for (const item of text.split(',')) {
    const match = /^([\w.:-]+)(?:#(\d+))?=(kill|stop|exit)$/.exec(item.trim());
    if (!match) throw new Error(`SLUICE_FAULT: expected name[#occurrence]=kill|stop|exit, got "${item}"`);
    faults.set(match[1]!, { occurrence: Number(match[2] ?? 1), seen: 0, action: match[3]! });
  }
  return faults;
}
