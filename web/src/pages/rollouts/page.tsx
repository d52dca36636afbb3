// All rollouts, newest first.
import type { Environment, Rollout } from '../../api/types';
import { useQuery } from '../../api/hooks';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Digest, Empty, Skeleton, Table, useTitle } from '../../ui/basics';
import { StateBadge } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { Ago, Took } from '../../ui/time';
import { Older, usePages } from '../shared/list';
import { share } from '../rollout/model';

const states = [{ value: '', label: 'All' }, { value: 'baking', label: 'Watched' }, { value: 'holding', label: 'On hold' }, { value: 'done', label: 'Done' }, { value: 'aborted', label: 'Aborted' }];

export default function Rollouts(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const [state, environment, unit] = [get('state'), get('environment'), get('service')];
	const query = new URLSearchParams({ limit: '50' });
	if (state) query.set('state', state);
	if (environment) query.set('environment', environment);
	if (unit) query.set('unit', unit);
	const pages = usePages<Rollout>(`/rollouts?${query}`, 'rollouts', (r) => r.id);
	const environments = useQuery<{ environments: Environment[] }>('/environments').data?.environments ?? [];
	const units = [...new Set(environments.flatMap((e) => (e.live ?? []).map((l) => l.unit)))].sort();
	const rows = pages.rows.filter((r) => !state || r.state === state);
	const filtered = state || environment || unit;
	useTitle('Rollouts');
	const set = (change: Record<string, string | null>) => go(withQuery(place, change), { keepScroll: true });
	return (
		<div class="page">
			<header class="page-head"><div><h1>Rollouts</h1><p class="muted">One service, one environment: traffic moves in steps, and back when it hurts</p></div></header>
			<div class="filters" role="search">
				<select class="choice" data-filter aria-label="Environment" value={environment} onChange={(e) => set({ environment: e.currentTarget.value })}>
					<option value="">Environment: all</option>
					{environments.map((e) => <option key={e.id} value={e.id}>{e.id}</option>)}
				</select>
				<select class="choice" aria-label="Service" value={unit} onChange={(e) => set({ service: e.currentTarget.value })}>
					<option value="">Service: all</option>
					{[...new Set([...(unit ? [unit] : []), ...units])].map((u) => <option key={u} value={u}>{u}</option>)}
				</select>
				<Segments label="State" value={state} options={states} onChange={(v) => set({ state: v })} />
			</div>
			{!pages.ready && pages.problem === undefined && <Skeleton lines={6} tall />}
			{pages.ready && rows.length === 0 && !filtered && <Empty icon="rollout" title="No rollout yet" command="git push origin main">A release makes one for each of its services, first in staging, then behind the gate.</Empty>}
			{pages.ready && rows.length === 0 && filtered && <Empty icon="filter" title="No rollout fits these filters"><Button kind="quiet" onClick={() => set({ state: null, environment: null, service: null })}>Show all rollouts</Button></Empty>}
			{rows.length > 0 && (
				<div class="panel">
					<Table
						caption="Rollouts, newest first" rows={rows} keyOf={(r) => r.id} narrow="lines"
						columns={[
							{ name: 'State', cell: (r) => <StateBadge state={r.state} {...(r.is_return ? { text: r.state === 'done' ? 'returned' : 'returning' } : {})} /> },
							{ name: 'Service', wide: true, cell: (r) => <a class="list-link cut" href={`/rollouts/${r.id}`}>{r.unit} in {r.environment}<span class="muted"> {r.id}{r.reason && r.state !== 'done' ? ` \u00b7 ${r.reason}` : ''}</span></a> },
							{ name: 'Traffic', number: true, cell: (r) => share(r.confirmed ?? 0) },
							{ name: 'Version', minor: true, cell: (r) => <Digest value={r.image} /> },
							{ name: 'Release', minor: true, cell: (r) => <a href={`/releases/${r.release}`}>{r.release}</a> },
							{ name: 'Took', number: true, minor: true, cell: (r) => <Took from={r.created_at} to={r.ended_at} /> },
							{ name: 'Begun', number: true, cell: (r) => <Ago at={r.created_at} /> },
						]}
					/>
				</div>
			)}
			<Older pages={pages} what="rollouts" />
		</div>
	);
}
