// The graph: services and libraries, who needs whom and by which interface, what of them is live where and how well.
import { useMemo } from 'preact/hooks';
import { useQuery } from '../../api/hooks';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Digest, Empty, Failure, Skeleton, Table, useTitle, type Column } from '../../ui/basics';
import { plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { around, collapse, environmentsOf, finds, groupBy, groupOf, healthOf, MANY, plain, type GraphData, type GraphEdge, type GraphNode, type LiveVersion } from './model';
import { Picture } from './view';

function Health({ live }: { live: LiveVersion }) {
	const health = healthOf(live);
	return <span class={`badge tone-${health.tone}`}><Icon name={health.tone === 'ok' ? 'passed' : health.tone === 'wait' ? 'waiting' : 'failed'} size={13} />{live.ready ?? 0} of {live.wanted ?? 1} ready</span>;
}

function Needs({ title, none, edges, other, to }: { title: string; none: string; edges: GraphEdge[]; other: 'from' | 'to'; to: (id: string) => string }) {
	const names = [...new Set(edges.map((e) => e[other]))].sort();
	return (
		<section>
			<h3>{title}{names.length ? ` (${names.length})` : ''}</h3>
			{names.length === 0 ? <p class="muted">{none}</p> : (
				<ul class="graph-list">
					{names.map((name) => (
						<li key={name}>
							<a href={to(name)}>{name}</a>
							<span class="muted">{edges.filter((e) => e[other] === name).map((e) => (e.kind === 'dep' ? 'is built from it' : `calls ${e.interface}`)).join(', ').replaceAll('is built from it', other === 'to' ? 'built from it' : 'is built from this')}</span>
						</li>
					))}
				</ul>
			)}
		</section>
	);
}

function Panel({ node, data, link, onClose }: { node: GraphNode; data: GraphData; link: (change: Record<string, string | null>) => string; onClose: () => void }) {
	const live = node.live ?? [];
	const focused = usePlace().query.get('focus') === node.id;
	return (
		<aside class="panel graph-panel" aria-label={`About ${node.id}`}>
			<header class="panel-head">
				<h2>{node.id}</h2>
				<span class="chip">{node.kind}</span>
				<Button kind="quiet" small icon="close" aria-label="Close" onClick={onClose} />
			</header>
			<div class="panel-body stack">
				<p class="facts">
					{node.path && <span><Icon name="branch" size={13} /><code>{node.repo ? `${node.repo}: ` : ''}{node.path}</code></span>}
					{node.owners?.map((o) => <span key={o}><Icon name="person" size={13} />{o}</span>)}
					{node.kind === 'service' && node.wave !== undefined && <span title="Services of a release go out in waves: providers first">wave {node.wave + 1} of a release</span>}
				</p>
				<div class="button-row">
					{focused ? <a class="button button-small" href={link({ focus: null, hops: null })}>Show all units</a> : <a class="button button-small" href={link({ focus: node.id, hops: null })}>Only this and its neighbors</a>}
					<a class="button button-small" href={`/way?by=service&service=${encodeURIComponent(node.id)}`}>Its changes</a>
				</div>
				{node.kind === 'service' && (
					<section>
						<h3>Live</h3>
						{live.length === 0 ? <p class="muted">Not live anywhere yet: the first release that holds it brings it.</p> : (
							<ul class="graph-live">
								{live.map((l) => (
									<li key={l.environment}>
										<span class="graph-live-head"><a href={`/environments/${encodeURIComponent(l.environment)}`}>{l.environment}</a> <Health live={l} /></span>
										<span class="facts"><Digest value={l.image} />{l.release && <a href={`/releases/${l.release}`}>{l.release}</a>}<Ago at={l.since} /></span>
									</li>
								))}
							</ul>
						)}
					</section>
				)}
				{!!node.provides?.length && <section><h3>Provides</h3><p class="facts">{node.provides.map((p) => <code key={p}>{p}</code>)}</p></section>}
				<Needs title="Needs" none="Nothing of this project." edges={data.edges.filter((e) => e.from === node.id)} other="to" to={(id) => link({ node: id })} />
				<Needs title="Needed by" none="Nobody: a change of it affects only itself." edges={data.edges.filter((e) => e.to === node.id)} other="from" to={(id) => link({ node: id })} />
			</div>
		</aside>
	);
}

function AsTable({ data, environments, search, link }: { data: GraphData; environments: string[]; search: string; link: (change: Record<string, string | null>) => string }) {
	const rows = data.nodes.filter((n) => !search || finds(n, search)).sort((a, b) => a.kind.localeCompare(b.kind) * -1 || a.id.localeCompare(b.id));
	const names = (list: string[]) => (list.length ? list.map((name, i) => <span key={name}>{i > 0 && ', '}<a href={link({ node: name })}>{name}</a></span>) : <span class="muted">nothing</span>);
	const columns: Column<GraphNode>[] = [
		{ name: 'Unit', cell: (n) => <a href={link({ node: n.id })}>{n.id}</a> },
		{ name: 'Kind', cell: (n) => n.kind, minor: true },
		...environments.map((env): Column<GraphNode> => ({
			name: env,
			cell: (n) => {
				const live = n.live?.find((l) => l.environment === env);
				return live ? <span class="graph-cell"><Digest value={live.image} /><Health live={live} /></span> : n.kind !== 'library' && <span class="muted">not live</span>;
			},
		})),
		{ name: 'Needs', cell: (n) => names([...new Set(data.edges.filter((e) => e.from === n.id).map((e) => e.to))].sort()) },
		{ name: 'Needed by', cell: (n) => names([...new Set(data.edges.filter((e) => e.to === n.id).map((e) => e.from))].sort()) },
	];
	return <div class="panel"><Table narrow="stack" caption="Units, where they are live, who needs whom" columns={columns} rows={rows} keyOf={(n) => n.id} /></div>;
}

export default function Graph(_: PageProps) {
	const place = usePlace();
	const { data, problem } = useQuery<GraphData>('/graph');
	const get = (key: string) => place.query.get(key) ?? '';
	const asTable = get('view') === 'table';
	const search = get('q');
	const focus = get('focus');
	const hops = Number(get('hops')) || 1;
	const open = get('open');
	useTitle('Graph');
	const link = (change: Record<string, string | null>) => withQuery(place, change);
	const set = (change: Record<string, string | null>, replace = false) => go(link(change), { replace, keepScroll: true });
	const many = (data?.nodes.length ?? 0) > MANY;
	const by = useMemo(() => (data ? groupBy(data.nodes) : 'folder'), [data]);
	const groups = useMemo(() => (data ? [...new Set(data.nodes.map((n) => groupOf(n, by)))].sort() : []), [data, by]);
	const opened = useMemo(() => new Set(open === '*' ? groups : open.split(',').filter(Boolean).map(decodeURIComponent)), [open, groups]);
	const grouped = many && !focus && groups.length > 1;
	const view = useMemo(() => {
		if (!data) return undefined;
		if (focus && data.nodes.some((n) => n.id === focus)) return plain(around(data, focus, hops));
		return grouped ? collapse(data, opened, by) : plain(data);
	}, [data, focus, hops, grouped, opened, by]);
	// The API's levels are of all units: a part of them has its own.
	const levels = useMemo(() => (data && view && view.shown.length === data.nodes.length && data.nodes.every((n) => n.level !== undefined) ? new Map(data.nodes.map((n) => [n.id, n.level as number])) : undefined), [data, view]);
	const environments = useMemo(() => environmentsOf(data?.nodes ?? []), [data]);
	const node = data?.nodes.find((n) => n.id === get('node'));
	const choose = (id: string) => {
		if (id.startsWith('group:')) set({ open: [...opened, id.slice(6)].map(encodeURIComponent).join(',') });
		else set({ node: id === node?.id ? null : id });
	};
	const services = data?.nodes.filter((n) => n.kind === 'service').length ?? 0;
	const found = search && data ? data.nodes.filter((n) => finds(n, search)).length : 0;
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Graph</h1>
					<p class="muted">{data ? `${plural(services, 'service')}, ${plural(data.nodes.length - services, 'library', 'libraries')}, ${plural(data.edges.length, 'dependency', 'dependencies')}, as the newest trusted penstock.yml has them` : 'Who needs whom, and what is live where'}</p>
				</div>
				<Segments label="Shown as" value={asTable ? 'table' : 'picture'} onChange={(v) => set({ view: v === 'table' ? 'table' : null })} options={[{ value: 'picture', label: 'Picture' }, { value: 'table', label: 'Table' }]} />
			</header>
			{problem !== undefined && <Failure problem={problem} />}
			{!data && problem === undefined && <Skeleton lines={5} tall />}
			{data && data.nodes.length === 0 && (
				<Empty icon="graph" title="No unit is known yet" command="penstock graph">
					Services and libraries come from penstock.yml of the first change that is trusted. Push one to a watched branch; in your working copy this shows what it would say:
				</Empty>
			)}
			{data && view && data.nodes.length > 0 && (
				<>
					<div class="filters" role="search">
						<input type="search" data-filter aria-label="Find units" placeholder="Find by name, folder, owner, interface ( / )" value={search} onInput={(e) => set({ q: e.currentTarget.value }, true)} />
						{search && <span class="muted" role="status">{plural(found, 'unit')} found</span>}
						{focus && (
							<>
								<span class="chip">around {focus}</span>
								<Segments label="Neighbors within" value={String(hops)} onChange={(v) => set({ hops: v === '1' ? null : v })} options={[{ value: '1', label: '1 step' }, { value: '2', label: '2 steps' }, { value: '3', label: '3 steps' }]} />
								<Button kind="quiet" icon="close" onClick={() => set({ focus: null, hops: null })}>All units</Button>
							</>
						)}
						{grouped && !asTable && opened.size === 0 && <span class="muted">Grouped by {by === 'repo' ? 'repository' : by}: open a group to see its units</span>}
						{grouped && !asTable && opened.size > 0 && <Button kind="quiet" icon="close" onClick={() => set({ open: null })}>Close groups</Button>}
						{grouped && !asTable && open !== '*' && <Button kind="quiet" onClick={() => set({ open: '*' })}>Open all</Button>}
					</div>
					<div class={node ? 'graph-split' : undefined}>
						{asTable ? <AsTable data={focus ? around(data, focus, hops) : data} environments={environments} search={search} link={link} /> : (
							<figure class="panel graph-figure">
								<Picture view={view} environments={environments} chosen={node?.id} search={search} levels={levels} onChoose={choose} />
								<figcaption class="graph-legend">
									<span><svg width="26" height="8" aria-hidden="true"><path class="gedge" d="M1 4h24" /></svg>calls, by an interface</span>
									<span><svg width="26" height="8" aria-hidden="true"><path class="gedge gedge-dep" d="M1 4h24" /></svg>is built from</span>
									<span class="muted">who needs stands left of what it needs; a dot is filled where a version is live</span>
								</figcaption>
							</figure>
						)}
						{node && <Panel node={node} data={data} link={link} onClose={() => set({ node: null })} />}
					</div>
				</>
			)}
		</div>
	);
}
