import type { ComponentChildren } from 'preact';

/** Head of a page: what it is, what it is for, and what one can do. */
export function PageHead({
  title,
  children,
  actions,
}: {
  title: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}) {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {children ? <p class="lead">{children}</p> : null}
      </div>
      {actions ? <div class="page-actions">{actions}</div> : null}
    </header>
  );
}

export function Card({
  title,
  note,
  children,
  class: name = '',
}: {
  title?: ComponentChildren;
  note?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`card ${name}`}>
      {title ? (
        <div class="card-head">
          <h2>{title}</h2>
          {note ? <span class="card-note">{note}</span> : null}
        </div>
      ) : null}
      {children}
    </section>
  );
}

export function Stat({
  label,
  value,
  unit,
  note,
  tone = '',
}: {
  label: string;
  value: string;
  unit?: string;
  note?: string;
  tone?: 'good' | 'warn' | 'bad' | '';
}) {
  return (
    <div class={`stat ${tone}`}>
      <div class="stat-label">{label}</div>
      <div class="stat-value">
        {value}
        {unit ? <span class="stat-unit">{unit}</span> : null}
      </div>
      <div class="stat-note">{note ?? '\u00a0'}</div>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children ? <p>{children}</p> : null}
    </div>
  );
}

/** What went wrong, said where it matters; read out when it appears. */
export function Problem({ text }: { text: string | null | undefined }) {
  return (
    <div aria-live="polite">
      {text ? (
        <p class="problem">
          <span aria-hidden="true">⚠</span> {text}
        </p>
      ) : null}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return <p class="loading" role="status">{`Loading ${what}…`}</p>;
}

export function Tag({
  tone = '',
  children,
}: {
  tone?: 'good' | 'warn' | 'bad' | 'accent' | '';
  children: ComponentChildren;
}) {
  return <span class={`tag ${tone}`}>{children}</span>;
}

export function Field({
  label,
  children,
  class: name = '',
}: {
  label: string;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    // The control stands inside its label.
    // biome-ignore lint/a11y/noLabelWithoutControl: it is among the children
    <label class={`field ${name}`}>
      <span>{label}</span>
      {children}
    </label>
  );
}

/** The choices of a `select` that are called as they are. */
export function Options({ values }: { values: readonly string[] }) {
  return values.map((value) => (
    <option key={value} value={value}>
      {value}
    </option>
  ));
}

/** Names and what there is to say of each, below one another. */
export function Facts({ facts }: { facts: readonly [name: string, value: string][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Links that look like tabs; the one we are at is marked. */
export function Tabs({ label, tabs }: { label: string; tabs: { href: string; text: string; isHere: boolean }[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, text, isHere }) => (
        <a key={href} href={href} aria-current={isHere ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
