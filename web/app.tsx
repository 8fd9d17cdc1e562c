import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionAnswer } from '../src/console/answers.ts';
import { loadSession, onSessionLost, post } from './api.ts';
import { useLive } from './live.ts';
import { ActivityPage } from './pages/activity.tsx';
import { AskPage } from './pages/ask.tsx';
import { CountersPage } from './pages/counters.tsx';
import { DeadPage } from './pages/dead.tsx';
import { HoursPage } from './pages/hours.tsx';
import { JobsPage } from './pages/jobs.tsx';
import { LoginPage } from './pages/login.tsx';
import { MessagesPage } from './pages/messages.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ReportsPage } from './pages/reports.tsx';
import { RulesPage } from './pages/rules.tsx';
import { TablesPage } from './pages/tables.tsx';
import { TopicsPage } from './pages/topics.tsx';
import { linkTo, type Place, usePlace } from './route.ts';
import { SessionContext } from './session.ts';
import { applyTheme, savedTheme, type Theme } from './theme.ts';

interface Page {
  id: string;
  title: string;
  group: 'Now' | 'Log' | 'Warehouse' | 'Work';
  component: ComponentType<{ place: Place }>;
  isForOperators?: boolean;
}

const pages: readonly Page[] = [
  { id: 'overview', title: 'Overview', group: 'Now', component: OverviewPage },
  { id: 'counters', title: 'Counters', group: 'Now', component: CountersPage },
  { id: 'rules', title: 'Rules', group: 'Now', component: RulesPage },
  { id: 'topics', title: 'Topics', group: 'Log', component: TopicsPage },
  { id: 'messages', title: 'Messages', group: 'Log', component: MessagesPage },
  { id: 'hours', title: 'Hours', group: 'Warehouse', component: HoursPage },
  { id: 'tables', title: 'Tables', group: 'Warehouse', component: TablesPage },
  { id: 'dead', title: 'Dead letters', group: 'Warehouse', component: DeadPage },
  { id: 'ask', title: 'Ask', group: 'Warehouse', component: AskPage },
  { id: 'reports', title: 'Reports', group: 'Warehouse', component: ReportsPage },
  { id: 'jobs', title: 'Jobs', group: 'Work', component: JobsPage },
  { id: 'activity', title: 'Activity', group: 'Work', component: ActivityPage, isForOperators: true },
];
const groups = ['Now', 'Log', 'Warehouse', 'Work'] as const;

export function App() {
  const [session, setSession] = useState<SessionAnswer | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        setSession(await loadSession());
        setProblem(null);
      } catch (error) {
        setProblem((error as Error).message);
        timer = setTimeout(() => void load(), 2000);
      }
    };
    void load();
    const end = onSessionLost(() => setSession((before) => before && { ...before, person: null }));
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);

  if (!session) return <Boot problem={problem} />;
  if (!session.person) return <LoginPage onDone={setSession} />;
  return (
    <SessionContext.Provider value={session}>
      <Shell session={session} onLogout={() => setSession({ ...session, person: null })} />
    </SessionContext.Provider>
  );
}

/** As index.html has it, so that nothing moves while the first answer is on its way. */
function Boot({ problem }: { problem: string | null }) {
  return (
    <div class="boot">
      <img src="/icon.svg" alt="" width="40" height="40" />
      {problem ? <p class="problem">{problem}</p> : <p>Sluice</p>}
    </div>
  );
}

function Shell({ session, onLogout }: { session: SessionAnswer; onLogout: () => void }) {
  const place = usePlace();
  const shown = pages.filter(({ isForOperators }) => !isForOperators || session.person?.role === 'operator');
  const page = shown.find(({ id }) => id === place.page) ?? shown[0]!;
  const Component = page.component;

  useEffect(() => {
    document.title = `${page.title} · Sluice`;
    document.getElementById('main')?.scrollTo(0, 0);
  }, [page]);

  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skipToMain}>
        Skip to content
      </button>
      <aside class="side">
        <a class="brand" href={linkTo('overview')}>
          <img src="/icon.svg" alt="" width="26" height="26" />
          Sluice
        </a>
        <nav aria-label="Pages" class="nav">
          {groups.map((group) => (
            <div key={group} class="nav-group">
              <p class="nav-title" aria-hidden="true">
                {group}
              </p>
              {shown
                .filter((one) => one.group === group)
                .map(({ id, title }) => (
                  <a key={id} href={linkTo(id)} aria-current={id === page.id ? 'page' : undefined}>
                    {title}
                  </a>
                ))}
            </div>
          ))}
        </nav>
        <div class="side-foot">
          <Connection />
          <ThemeChoice />
          {session.hasAccounts ? <Account session={session} onLogout={onLogout} /> : null}
        </div>
      </aside>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
      <main id="main" tabIndex={0}>
        <Component place={place} />
      </main>
    </div>
  );
}

function skipToMain(): void {
  document.getElementById('main')?.focus();
}

const connectionWords = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' };

function Connection() {
  const { status } = useLive();
  return (
    <p class={`connection ${status}`} role="status">
      <span class="dot" aria-hidden="true" />
      {connectionWords[status]}
    </p>
  );
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(savedTheme);
  const choose = (event: Event): void => {
    const chosen = (event.currentTarget as HTMLSelectElement).value as Theme;
    setTheme(chosen);
    applyTheme(chosen);
  };
  return (
    <select class="theme" aria-label="Colours" value={theme} onChange={choose}>
      <option value="system">System colours</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}

function Account({ session, onLogout }: { session: SessionAnswer; onLogout: () => void }) {
  const logOut = async (): Promise<void> => {
    await post('/api/logout', {}).catch(() => {});
    onLogout();
  };
  return (
    <div class="account">
      <span>
        {session.person?.name} <small>{session.person?.role}</small>
      </span>
      <button type="button" class="quiet small" onClick={() => void logOut()}>
        Log out
      </button>
    </div>
  );
}
