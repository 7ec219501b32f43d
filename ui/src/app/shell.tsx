import { ActionIcon, Drawer, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import {
  Bell,
  BrainCircuit,
  Building2,
  Calculator,
  Database,
  FileDown,
  Gauge,
  ListChecks,
  LogOut,
  Menu,
  Moon,
  Package,
  Radar,
  Scale,
  Search,
  Settings,
  Sun,
} from 'lucide-react';
import { lazy, Suspense } from 'react';
import { get, write } from '../api/client';
import type { Overview } from '../api/types';
import { usePalette } from './palette_state';
import { remember_sign_in, useSession } from './session';

const Palette = lazy(() => import('./palette'));

const pages = [
  { to: '/', label: 'Overview', icon: Gauge },
  { to: '/alerts', label: 'Alerts', icon: Bell },
  { to: '/anomalies', label: 'Anomalies', icon: Radar },
  { to: '/judge', label: 'Judge a proposal', icon: Scale },
  { to: '/items', label: 'Items', icon: Package },
  { to: '/suppliers', label: 'Suppliers', icon: Building2 },
  { to: '/should-cost', label: 'Should cost', icon: Calculator },
  { to: '/loads', label: 'Loads', icon: Database },
  { to: '/models', label: 'Models', icon: BrainCircuit },
  { to: '/exports', label: 'Exports', icon: FileDown },
  { to: '/work', label: 'Background work', icon: ListChecks },
  { to: '/settings', label: 'Settings', icon: Settings },
] as const;

function Pages({ on_go }: { on_go?: () => void }) {
  const { data } = useQuery({ queryKey: ['overview'], queryFn: () => get<Overview>('/overview') });
  const waiting = data ? data.open_matches : 0;
  const open_alerts = data ? data.open_alerts : 0;
  return (
    <nav aria-label="Pages" style={{ display: 'grid', gap: 2 }}>
      {pages.map((p) => (
        <Link
          key={p.to}
          to={p.to}
          className="nav"
          onClick={on_go}
          activeOptions={{ exact: p.to === '/', includeSearch: false }}
        >
          <p.icon size={17} strokeWidth={1.8} aria-hidden />
          {p.label}
          {p.to === '/alerts' && open_alerts > 0 && (
            <span className="tail" title={`${open_alerts} open alerts`}>
              {open_alerts}
            </span>
          )}
          {p.to === '/loads' && waiting > 0 && (
            <span className="tail" title={`${waiting} matches wait for you`}>
              {waiting}
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const label = dark ? 'Use light colours' : 'Use dark colours';
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
      >
        {dark ? <Sun size={17} /> : <Moon size={17} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Person() {
  const session = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const leave = async () => {
    await write('POST', '/auth/logout').catch(() => undefined);
    remember_sign_in(false);
    queries.clear();
    navigate({ to: '/sign-in' });
  };
  return (
    <div className="side-foot">
      <div className="who">
        <div className="strong">{session.user.name || session.user.email}</div>
        <div className="faint">{session.role}</div>
      </div>
      <SchemeToggle />
      <Tooltip label="Sign out">
        <ActionIcon variant="subtle" color="gray" aria-label="Sign out" onClick={leave}>
          <LogOut size={17} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

function Brand() {
  const { organization } = useSession();
  return (
    <div className="brand">
      <img src="/mark.svg" alt="" width={26} height={26} />
      <span>
        Pricing<small>{organization.name}</small>
      </span>
    </div>
  );
}

export function Shell() {
  const palette = usePalette();
  const [menu, menu_is] = useDisclosure();
  const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <aside className="side" aria-label="Menu">
        <Brand />
        <button type="button" className="find" onClick={palette.show}>
          <Search size={15} aria-hidden /> Find anything <kbd>{apple ? '⌘ K' : 'Ctrl K'}</kbd>
        </button>
        <Pages />
        <Person />
      </aside>
      <div className="top">
        <Brand />
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Find anything" onClick={palette.show}>
          <Search size={18} />
        </ActionIcon>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Open the menu" onClick={menu_is.open}>
          <Menu size={19} />
        </ActionIcon>
      </div>
      <Drawer
        opened={menu}
        onClose={menu_is.close}
        size={280}
        title="Pricing"
        closeButtonProps={{ 'aria-label': 'Close the menu' }}
      >
        <Pages on_go={menu_is.close} />
        <div style={{ marginTop: 24 }}>
          <Person />
        </div>
      </Drawer>
      <main id="main" className="main" tabIndex={-1} style={{ outline: 'none' }}>
        <div className="page">
          <Outlet />
        </div>
      </main>
      {palette.open && (
        <Suspense>
          <Palette close={palette.hide} />
        </Suspense>
      )}
    </div>
  );
}
