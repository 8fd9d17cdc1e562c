/** A message that somebody wrote in public. */
export interface CityMessage {
  type: 'Message';
  city: string;
  text: string;
  /** When it was written, RFC 3339. */
  ts: string;
}

const startMs = Date.UTC(2026, 10, 20, 17);
const chatter = [
  'what a sunset',
  'coffee, anyone?',
  'the tram is late again',
  'great concert yesterday',
  'rain, rain, rain',
];

/** Three hours of three cities, in the order in which the messages come in: not quite the one in which they were written. */
export function messages(): CityMessage[] {
  const written: { minute: number; city: string; text: string; delayMinutes?: number }[] = [];
  for (const city of ['berlin', 'hamburg', 'leipzig']) {
    for (let minute = 0; minute < 180; minute += 3) {
      written.push({ minute, city, text: chatter[(minute / 3 + city.length) % chatter.length]! });
    }
  }
  // Berlin: there is always somebody who protests.
  for (const minute of [12, 41, 75, 101, 133, 166]) {
    written.push({ minute: minute + 0.5, city: 'berlin', text: 'small protest at the gate' });
  }
  written.push({ minute: 50, city: 'berlin', text: 'the protest is over, all went home' });
  written.push({ minute: 55, city: 'berlin', text: 'an ambulance in our street, hope it is nothing' });
  // Hamburg: a burst around seven o'clock, three before and three behind.
  for (const minute of [117.2, 118.1, 119.4, 120.3, 121.2, 122.6]) {
    written.push({ minute, city: 'hamburg', text: 'Blockade of the bridge, traffic stands still' });
  }
  // Leipzig: grows all evening; one message is on its way for four minutes, one so long that it comes too late.
  for (let i = 0; i < 9; i++) {
    const delayMinutes = i === 3 ? 4 : i === 6 ? 40 : 0;
    written.push({
      minute: 70.7 + i * 3,
      city: 'leipzig',
      text: `Demonstration on the ring, street ${i}`,
      delayMinutes,
    });
  }
  written.push({ minute: 99.9, city: 'leipzig', text: 'tear gas at the station!' });
  return written
    .sort((a, b) => a.minute + (a.delayMinutes ?? 0) - (b.minute + (b.delayMinutes ?? 0)))
    .map(({ minute, city, text }) => ({
      type: 'Message',
      city,
      text,
      ts: new Date(startMs + minute * 60_000).toISOString(),
    }));
}
