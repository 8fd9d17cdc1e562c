import type { Command } from 'commander';

/** A command and all below it. */
export function* withDescendants(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* withDescendants(child);
}
