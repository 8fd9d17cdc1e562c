import { useState } from 'preact/hooks';
import type { SessionAnswer } from '../../src/console/answers.ts';
import { logIn } from '../api.ts';

export function LoginPage({ onDone }: { onDone: (session: SessionAnswer) => void }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onDone(await logIn(name, password));
    } catch (problem) {
      setError((problem as Error).message);
      setPassword('');
      setBusy(false);
    }
  };

  return (
    <main class="alone">
      <form class="card login" onSubmit={(event) => void submit(event)}>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1>Log in to Sluice</h1>
        <label class="field">
          <span>Name</span>
          <input
            name="name"
            autocomplete="username"
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        {error ? (
          <p class="problem" role="alert">
            {error}
          </p>
        ) : null}
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? 'Checking…' : 'Log in'}
        </button>
      </form>
    </main>
  );
}
