import { Command } from 'commander';

const example = `
Examples:
  $ sluice config show
  $ sluice config show --config production.yaml --json
  $ sluice config show load --brokers 127.0.0.1:9092 --topics events --warehouse file:///tmp/w --roll-age 5s

Without a command: every key of the settings file, as "sluice up" and the jobs see it. With one: its options, as that command
line has them. Passwords are not shown.`;

/** `sluice config show`: every effective setting, and where it comes from. */
export function configCommand(): Command {
  const show = new Command('show')
    .description('Show every effective setting with its source: default, file and line, environment, option.')
    .argument(
      '[command...]',
      'a command with its options (load, up, broker, "jobs work"), to see what it would run with',
    )
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)')
    .option('--json', 'print JSON')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText('after', example)
    .action(async (words: string[], options: { config?: string; json?: boolean }) => {
      const { showConfig } = await import('../config/show-config.ts');
      process.exitCode = await showConfig(words, options);
    });
  const config = new Command('config').description('Look at the settings.').enablePositionalOptions();
  return config.addCommand(show);
}
