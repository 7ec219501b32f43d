import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { Problem } from '../api/client';
import { Trouble } from '../shared/furniture';
import { remember_sign_in, session_query } from './session';
import { Shell } from './shell';

type Search = Record<string, string | undefined>;
/** The address holds filters, sorting and the open drawer, all as plain words. */
const plain_search = (raw: Record<string, unknown>): Search =>
  Object.fromEntries(
    Object.entries(raw)
      .filter(([, v]) => v !== '' && v != null)
      .map(([k, v]) => [k, String(v)]),
  );

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Outlet });

const sign_in = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: plain_search,
  component: lazyRouteComponent(() => import('../pages/sign_in/sign_in_page'), 'SignInPage'),
});

const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(session_query);
    } catch (error) {
      if (error instanceof Problem && error.status !== 401 && error.status !== 403) throw error;
      remember_sign_in(false);
      throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { next: location.href } });
    }
  },
});

const page = <P extends string>(path: P, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => inside, path, validateSearch: plain_search, component });

const tree = root.addChildren([
  sign_in,
  inside.addChildren([
    page(
      '/',
      lazyRouteComponent(() => import('../pages/overview/overview_page'), 'OverviewPage'),
    ),
    page(
      '/items',
      lazyRouteComponent(() => import('../pages/items/items_page'), 'ItemsPage'),
    ),
    page(
      '/items/$id',
      lazyRouteComponent(() => import('../pages/items/item_page'), 'ItemPage'),
    ),
    page(
      '/judge',
      lazyRouteComponent(() => import('../pages/judge/judge_page'), 'JudgePage'),
    ),
    page(
      '/judge/$id',
      lazyRouteComponent(() => import('../pages/judge/verdict_page'), 'VerdictPage'),
    ),
    page(
      '/suppliers',
      lazyRouteComponent(() => import('../pages/suppliers/suppliers_page'), 'SuppliersPage'),
    ),
    page(
      '/suppliers/$id',
      lazyRouteComponent(() => import('../pages/suppliers/supplier_page'), 'SupplierPage'),
    ),
    page(
      '/loads',
      lazyRouteComponent(() => import('../pages/loads/loads_page'), 'LoadsPage'),
    ),
    page(
      '/loads/review',
      lazyRouteComponent(() => import('../pages/loads/review_page'), 'ReviewPage'),
    ),
    page(
      '/loads/$id',
      lazyRouteComponent(() => import('../pages/loads/load_page'), 'LoadPage'),
    ),
    page(
      '/should-cost',
      lazyRouteComponent(() => import('../pages/should_cost/should_cost_page'), 'ShouldCostPage'),
    ),
    page(
      '/models',
      lazyRouteComponent(() => import('../pages/models/models_page'), 'ModelsPage'),
    ),
    page(
      '/alerts',
      lazyRouteComponent(() => import('../pages/alerts/alerts_page'), 'AlertsPage'),
    ),
    page(
      '/anomalies',
      lazyRouteComponent(() => import('../pages/anomalies/anomalies_page'), 'AnomaliesPage'),
    ),
    page(
      '/exports',
      lazyRouteComponent(() => import('../pages/exports/exports_page'), 'ExportsPage'),
    ),
    page(
      '/work',
      lazyRouteComponent(() => import('../pages/work/work_page'), 'WorkPage'),
    ),
    page(
      '/settings',
      lazyRouteComponent(() => import('../pages/settings/settings_page'), 'SettingsPage'),
    ),
  ]),
]);

export function make_router(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: 'intent',
    defaultPendingMs: 300,
    defaultErrorComponent: ({ error, reset }) => (
      <div className="page">
        <Trouble error={error} retry={reset} />
      </div>
    ),
    defaultNotFoundComponent: () => (
      <div className="page">
        <div className="empty">
          <b>There is no such page</b>
          <a className="link" href="/">
            Go to the overview
          </a>
        </div>
      </div>
    ),
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof make_router>;
  }
}
