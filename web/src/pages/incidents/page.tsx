// All incidents, newest first.
import type { Incident } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Empty, Skeleton, Table, useTitle } from '../../ui/basics';
import { StateBadge } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { Ago, Took } from '../../ui/time';
import { headOf } from '../incident/model';
import { Older, usePages } from '../shared/list';

const states = [{ value: '', label: 'All' }, { value: 'open', label: 'Open' }, { value: 'mitigated', label: 'Mitigated' }, { value: 'closed', label: 'Closed' }];

export default function Incidents(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const [state, text, unit] = [get('state'), get('q'), get('service')];
	const query = new URLSearchParams({ limit: '50' });
	if (state) query.set('state', state);
	if (text) query.set('text', text);
	if (unit) query.set('unit', unit);
	const pages = usePages<Incident>(`/incidents?${query}`, 'incidents', (i) => i.id);
	const rows = pages.rows.filter((i) => !state || i.state === state);
	const filtered = state || text || unit;
	useTitle('Incidents');
	const set = (change: Record<string, string | null>, replace = false) => go(withQuery(place, change), { replace, keepScroll: true });
	return (
		<div class="page">
			<header class="page-head"><div><h1>Incidents</h1><p class="muted">What hurt, or was about to: opened when a version is taken back</p></div></header>
			<div class="filters" role="search">
				<input type="search" data-filter aria-label="Filter by title" placeholder="Filter by title ( / )" value={text} onInput={(e) => set({ q: e.currentTarget.value }, true)} />
				{unit && <Button kind="quiet" icon="close" onClick={() => set({ service: null })}>{unit}</Button>}
				<Segments label="State" value={state} options={states} onChange={(v) => set({ state: v })} />
			</div>
			{!pages.ready && pages.problem === undefined && <Skeleton lines={6} tall />}
			{pages.ready && rows.length === 0 && !filtered && <Empty icon="check" title="No incident so far" command="penstock incident list">One is opened by itself when a verdict takes a version back, with the deploys and the curves beside its timeline, and the service's runbook.</Empty>}
			{pages.ready && rows.length === 0 && filtered && <Empty icon="filter" title="No incident fits these filters"><Button kind="quiet" onClick={() => set({ state: null, q: null, service: null })}>Show all incidents</Button></Empty>}
			{rows.length > 0 && (
				<div class="panel">
					<Table
						caption="Incidents, newest first" rows={rows} keyOf={(i) => i.id} narrow="lines"
						columns={[
							{ name: 'State', cell: (i) => <StateBadge state={i.state} /> },
							{ name: 'What', wide: true, cell: (i) => <a class="list-link cut" href={`/incidents/${i.id}`} title={i.title}>{headOf(i.title) || i.id}<span class="muted"> {i.id}</span></a> },
							{ name: 'Service', minor: true, cell: (i) => i.unit },
							{ name: 'Environment', minor: true, cell: (i) => i.environment && <a href={`/environments/${i.environment}`}>{i.environment}</a> },
							{ name: 'Release', minor: true, cell: (i) => i.release && <a href={`/releases/${i.release}`}>{i.release}</a> },
							{ name: 'Restored in', number: true, minor: true, cell: (i) => <Took from={i.opened_at} to={i.mitigated_at ?? i.closed_at} /> },
							{ name: 'Opened', number: true, cell: (i) => <Ago at={i.opened_at} /> },
						]}
					/>
				</div>
			)}
			<Older pages={pages} what="incidents" />
		</div>
	);
}
