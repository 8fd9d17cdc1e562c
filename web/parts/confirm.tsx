import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../api.ts';

/** Something an operator is about to do. */
export interface PlannedAction {
  /** Of the server: `pause`. */
  name: string;
  title: string;
  /** What will happen, in a sentence. */
  explanation: string;
  /** The button's word. */
  verb: string;
  body: Record<string, unknown>;
  isDangerous?: boolean;
}

/** Asks before anything is done, and why it is done; tells what came of it. */
export function ConfirmAction({ action, onEnd }: { action: PlannedAction; onEnd: (isDone: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  useEffect(() => dialog.current?.showModal(), []);

  const run = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await post(`/api/actions/${action.name}`, { ...action.body, reason });
      onEnd(true);
    } catch (problem) {
      setError((problem as Error).message);
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onCancel={() => onEnd(false)}>
      <form onSubmit={(event) => void run(event)}>
        <h2 id="confirm-title">{action.title}</h2>
        <p>{action.explanation}</p>
        <label class="field">
          <span>Reason, for whoever reads the trail later</span>
          <input
            name="reason"
            required
            maxLength={500}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
            autocomplete="off"
          />
        </label>
        {error ? (
          <p class="problem" role="alert">
            {error}
          </p>
        ) : null}
        <div class="dialog-buttons">
          <button type="button" class="quiet" onClick={() => onEnd(false)}>
            Cancel
          </button>
          <button
            type="submit"
            class={action.isDangerous ? 'danger' : 'primary'}
            disabled={isBusy || reason.trim() === ''}
          >
            {isBusy ? 'Working…' : action.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** A button for operators that asks before it acts. */
export function ActionButton({
  action,
  label,
  onDone,
  class: name = 'quiet small',
}: {
  action: PlannedAction;
  label?: string;
  onDone?: () => void;
  class?: string;
}) {
  const [isAsking, setAsking] = useState(false);
  const end = (isDone: boolean): void => {
    setAsking(false);
    if (isDone) onDone?.();
  };
  return (
    <>
      <button type="button" class={name} onClick={() => setAsking(true)}>
        {label ?? action.verb}
      </button>
      {isAsking ? <ConfirmAction action={action} onEnd={end} /> : null}
    </>
  );
}
