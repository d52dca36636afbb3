// The pages: their paths, how they are reached, and the file that is fetched when one is opened (the board comes with the application). The first words of the paths stand in
// src/api/ui.c as well.
import type { FunctionComponent } from 'preact';
import Way from './pages/way/page';
import type { IconName } from './ui/icon';

export interface PageProps {
	params: Record<string, string>;
}
export interface Page {
	path: string; // as match() of router.ts takes it
	load: () => Promise<{ default: FunctionComponent<PageProps> }>;
	bare?: boolean; // without the frame: nobody is known there yet
	nav?: { label: string; icon: IconName; key: string }; // key: after "g"
}

export const pages: Page[] = [
	{ path: '/way', load: async () => ({ default: Way }), nav: { label: 'Way', icon: 'way', key: 'w' } },
	{ path: '/runs', load: () => import('./pages/runs/page'), nav: { label: 'Runs', icon: 'runs', key: 'r' } },
	{ path: '/runs/:id', load: () => import('./pages/run/page') },
	{ path: '/releases', load: () => import('./pages/releases/page'), nav: { label: 'Releases', icon: 'release', key: 'e' } },
	{ path: '/releases/:id', load: () => import('./pages/release/page') },
	{ path: '/rollouts', load: () => import('./pages/rollouts/page'), nav: { label: 'Rollouts', icon: 'rollout', key: 'o' } },
	{ path: '/rollouts/:id', load: () => import('./pages/rollout/page') },
	{ path: '/environments', load: () => import('./pages/environments/page'), nav: { label: 'Environments', icon: 'environments', key: 'v' } },
	{ path: '/environments/:name', load: () => import('./pages/environment/page') },
	{ path: '/incidents', load: () => import('./pages/incidents/page'), nav: { label: 'Incidents', icon: 'incidents', key: 'i' } },
	{ path: '/incidents/:id', load: () => import('./pages/incident/page') },
	{ path: '/graph', load: () => import('./pages/graph/page'), nav: { label: 'Graph', icon: 'graph', key: 'g' } },
	{ path: '/insights', load: () => import('./pages/insights/page'), nav: { label: 'Insights', icon: 'insights', key: 'n' } },
	{ path: '/audit', load: () => import('./pages/audit/page'), nav: { label: 'Audit', icon: 'audit', key: 'a' } },
	{ path: '/settings', load: () => import('./pages/settings/page'), nav: { label: 'Settings', icon: 'settings', key: 's' } },
	{ path: '/settings/:tab', load: () => import('./pages/settings/page') },
	{ path: '/device', load: () => import('./pages/device/page') },
	{ path: '/login', load: () => import('./pages/login/page'), bare: true },
];

// So that nothing leads to a page that is not there.
export const hasPage = (path: string): boolean => pages.some((p) => p.path === path);
