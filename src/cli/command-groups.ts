/** The help's headings, in their order, and the commands below each. */
const groups: Record<string, readonly string[]> = {
  'All in one:': ['up', 'console'],
  'The log:': ['broker', 'topics', 'produce', 'consume', 'groups', 'registry'],
  'Events in, besides Kafka clients:': ['ingest', 'tail'],
  'Into the warehouse:': ['selftest', 'load', 'partitions', 'schema', 'import'],
  'What is there, and is it right?': ['offsets', 'audit', 'hours', 'await', 'where', 'why', 'catalog'],
  'Change what has landed:': ['compact', 'reload', 'backfill', 'expire', 'dead', 'undo'],
  'React to events, and report:': ['handle', 'rules', 'stats', 'reconcile', 'report'],
  'Jobs and settings:': ['jobs', 'config', 'help'],
};

const names = Object.values(groups).flat();

/** The heading of a command. Throws for one that nobody gave a place, which the first test of the command line finds. */
export function groupOf(command: string): string {
  const found = Object.entries(groups).find(([, commands]) => commands.includes(command));
  if (!found) throw new Error(`expected a group of the help for the command ${command}`);
  return found[0];
}

/** Orders commands as the help shows them. */
export function compareInHelp(left: string, right: string): number {
  return names.indexOf(left) - names.indexOf(right);
}
