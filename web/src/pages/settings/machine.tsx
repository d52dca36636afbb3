// What delivers: secrets, notifiers, agents, queues, schedules, what the daemon runs with, its health.
import { write } from '../../api/client';
import { useQuery } from '../../api/hooks';
import { Problem } from '../../api/problem';
import { refetch } from '../../api/store';
import { Button, Command, Copy, Digest, Table, type Column } from '../../ui/basics';
import { bytes, count, duration, person, plural, shortRef } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/time';
import { toast, toastProblem } from '../../ui/toast';
import { useMe, whyNot } from '../../api/me';
import { Chips, nothing, Section } from './parts';
import type { Agent, Doctor, Notifier, Queue, Schedule, SecretName, Settings } from './types';

export function Secrets() {
	const query = useQuery<{ secrets: SecretName[] }>('/secrets');
	const columns: Column<SecretName>[] = [
		{ name: 'Name', cell: (s) => <span class="who"><Icon name="shield" size={14} /><strong>{s.name}</strong></span> },
		{ name: 'State', cell: (s) => (s.missing ? <span class="badge tone-bad"><Icon name="failed" size={13} />missing</span> : s.problem ? <span class="badge tone-wait"><Icon name="flaky" size={13} />not usable</span> : <span class="badge tone-ok"><Icon name="passed" size={13} />there</span>) },
		{ name: 'Given to', cell: (s) => (s.used_by?.length ? <ul>{s.used_by.map((u, i) => <li key={i}>{u.unit ? `service ${u.unit}` : `job ${u.job}`} as <code>{u.as}</code></li>)}</ul> : <span class="muted">nothing: no job or service names it</span>) },
		{ name: 'Changed', cell: (s) => (s.changed_at ? <Ago at={s.changed_at} /> : <span class="muted">never written</span>) },
		...(query.data?.secrets.some((s) => s.problem || s.missing) ? [{ name: 'What to do', cell: (s: SecretName) => (s.problem ? <span class="wrap">{s.problem}</span> : s.missing ? <span class="wrap">write its value to <code>secrets/{s.name}</code> in the data folder (chmod 600)</span> : '') }] : []),
	];
	return (
		<Section
			title="Secrets" about={<>Names only: no value leaves the daemon. A job or a service gets one by <code>secrets: {'{'}VARIABLE: "file:NAME"{'}'}</code> in penstock.yml.</>} query={query}
			empty={(d) => !d.secrets.length && nothing('shield', 'No secret yet', 'A secret is a file in the folder secrets of the data folder, that only Penstock may read. penstock.yml gives it to a service or a job: secrets: {DB_PASSWORD: file:DB_PASSWORD}.', 'install -m 600 /dev/stdin .penstock/secrets/DB_PASSWORD')}
		>
			{(d) => <div class="panel"><Table narrow="stack" caption="Secrets, by name" columns={columns} rows={d.secrets} keyOf={(s) => s.name} /></div>}
		</Section>
	);
}

export function Notifiers() {
	const query = useQuery<{ notifiers: Notifier[] }>('/notifiers');
	const columns: Column<Notifier>[] = [
		{ name: 'Name', cell: (n) => <strong>{n.name}</strong> },
		{ name: 'Kind', cell: (n) => n.kind },
		{ name: 'To', cell: (n) => (n.kind === 'log' ? 'the daemon\u2019s log' : <code>{n.host}</code>) },
		{ name: 'Repository', cell: (n) => n.repo ?? '', minor: true },
		{ name: 'Paged', cell: (n) => (n.page ? <span class="badge tone-wait"><Icon name="flag" size={13} />when production is rolled back</span> : <span class="muted">told, not paged</span>) },
	];
	return (
		<Section
			title="Notifiers" about="Who is told when something goes wrong, as notify: in the newest trusted penstock.yml says. Of an address only its host is shown." query={query}
			empty={(d) => !d.notifiers.length && nothing('flag', 'Nobody is told', <>An automatic rollback opens an incident, and tells whom penstock.yml names. Add, at the top level: <code>notify: [{'{'}kind: webhook, url: "https://...", name: oncall{'}'}]</code> and <code>page: oncall</code> under production.on_failure. Then check it:</>, 'penstock check')}
		>
			{(d) => <div class="panel"><Table narrow="stack" caption="List of notifiers" columns={columns} rows={d.notifiers} keyOf={(n) => `${n.repo} ${n.name}`} /></div>}
		</Section>
	);
}

export function Retention() {
	const query = useQuery<Settings>('/settings');
	const columns: Column<Settings['settings'][number]>[] = [
		{ name: 'Setting', cell: (s) => <code>{s.name}</code> },
		{ name: 'Value', cell: (s) => <span class="who"><strong class="wrap">{s.value}</strong></span> },
		{ name: 'What it is, and the option that changes it', bare: true, cell: (s) => <span class="wrap">{s.help}</span> },
	];
	return (
		<Section title="Retention and settings" about="What the daemon runs with. Options of penstock serve change it, at its next start." query={query}>
			{(d) => (
				<>
					<div class="panel"><Table narrow="stack" caption="List of settings" columns={columns} rows={d.settings} keyOf={(s) => s.name} /></div>
					<p class="muted">Penstock {d.version}{d.started ? <>, started <Ago at={d.started} /></> : ''}. See all options: <Command text="penstock serve --help" /></p>
				</>
			)}
		</Section>
	);
}

const share = (used: number | undefined, of: number | undefined, text: (n: number) => string) => (of ? `${text(used ?? 0)} of ${text(of)}` : `${text(used ?? 0)}, no limit`);

export function Agents() {
	const query = useQuery<{ agents: Agent[] }>('/agents?limit=1000');
	const me = useMe();
	const drain = async (agent: Agent, ok: boolean) => {
		try {
			await write('POST', `/agents/${encodeURIComponent(agent.id)}/drain`, { ok });
			refetch((p) => p.startsWith('/agents'));
			toast(ok ? `${agent.id} gets no more jobs; what runs there ends first` : `${agent.id} gets jobs again`);
		} catch (problem) {
			toastProblem(problem);
		}
	};
	const look = (state: string) => (state === 'connected' ? ({ tone: 'ok', icon: 'live', text: 'takes jobs' } as const) : state === 'draining' ? ({ tone: 'wait', icon: 'hold', text: 'takes no more jobs' } as const) : ({ tone: 'bad', icon: 'lost', text: 'lost' } as const));
	const columns: Column<Agent>[] = [
		{ name: 'Agent', cell: (a) => <span class="who"><Icon name="environments" size={14} /><span><strong>{a.id}</strong>{a.id === 'local' && <span class="muted"> this machine</span>}</span></span> },
		{ name: 'State', cell: (a) => { const is = look(a.state); return <span class={`badge tone-${is.tone}`}><Icon name={is.icon} size={13} />{is.text}</span>; } },
		{ name: 'Jobs now', number: true, cell: (a) => count(a.running ?? 0) },
		{ name: 'Processors in use', number: true, cell: (a) => share(a.used_cpu, a.cpu, (n) => (n / 1000).toFixed(n % 1000 ? 1 : 0)), minor: true },
		{ name: 'Memory in use', number: true, cell: (a) => share(a.used_memory, a.memory, bytes), minor: true },
		{ name: 'Labels', cell: (a) => (a.labels?.length ? <Chips list={a.labels} /> : <span class="muted">none</span>), minor: true },
		{ name: 'Version', cell: (a) => a.version, minor: true },
		{ name: 'Since', cell: (a) => <Ago at={a.state === 'lost' ? a.lost_at : a.since} /> },
		{ name: 'Actions', bare: true, cell: (a) => <Button small why={whyNot(me, 'operator') ?? (a.state === 'lost' ? 'It is not connected' : undefined)} aria-label={`${a.state === 'draining' ? 'Give jobs again' : 'Drain'}: ${a.id}`} onClick={() => void drain(a, a.state !== 'draining')}>{a.state === 'draining' ? 'Give jobs again' : 'Drain'}</Button> },
	];
	return (
		<Section
			title="Agents" about="Machines that run jobs. Drain one before its maintenance: what runs there ends, and nothing new begins." query={query}
			empty={(d) => !d.agents.length && nothing('environments', 'No machine runs jobs', 'The daemon runs jobs on its own machine. More machines join with a token of their own:', `penstock agent --server ${location.origin} --name builder-1`)}
		>
			{(d) => <div class="panel"><Table narrow="stack" caption="List of agents" columns={columns} rows={d.agents} keyOf={(a) => a.id} /></div>}
		</Section>
	);
}

export function Queues() {
	const query = useQuery<{ queues: Queue[] }>('/queues?limit=1000');
	return (
		<Section
			title="Merge queues" about="Changes that want to land, tested as they would land: first in, first out." query={query}
			empty={(d) => !d.queues.length && nothing('superseded', 'No queue is in use', <>With <code>on: {'{'}merge_queue: {'{}'}{'}'}</code> in penstock.yml, changes land by a queue that tests each on top of those before it. To put one in:</>, 'penstock queue add my-branch')}
		>
			{(d) => <div class="stack">{d.queues.map((q) => <QueueView key={q.id} queue={q} />)}</div>}
		</Section>
	);
}
function QueueView({ queue: q }: { queue: Queue }) {
	const columns: Column<NonNullable<Queue['entries']>[number]>[] = [
		{ name: 'Place', number: true, cell: (e) => (q.entries ?? []).indexOf(e) + 1 },
		{ name: 'Change', cell: (e) => <strong>{e.number ? `#${e.number}` : shortRef(e.ref ?? '')}</strong> },
		{ name: 'Commit', cell: (e) => <Digest value={e.commit} label="Copy the commit" /> },
		{ name: 'By', cell: (e) => (e.actor ? person(e.actor) : '') },
		{ name: 'Waits since', cell: (e) => <Ago at={e.since} /> },
		{ name: 'State', cell: (e) => ((q.entries ?? []).indexOf(e) < (q.batch ?? 0) ? <span class="badge tone-run"><Icon name="running" size={13} />being tested</span> : <span class="badge tone-idle"><Icon name="waiting" size={13} />waits</span>) },
	];
	return (
		<div class="panel">
			<header class="panel-head"><h2>{q.repo ? `${q.repo}: ` : ''}{shortRef(q.target ?? q.id)}</h2><span class="chip">{q.state ?? 'idle'}</span>{q.run && <a href={`/runs/${q.run}`}>{q.run}</a>}</header>
			{q.reason && <div class="panel-body"><div class="notice tone-wait"><Icon name="flaky" /><div>{q.reason}</div></div></div>}
			{q.entries?.length ? <Table narrow="stack" caption={`Queue for ${q.id}`} columns={columns} rows={q.entries} keyOf={(e) => e.ref ?? ''} /> : <p class="panel-body muted">Nothing waits.</p>}
		</div>
	);
}

export function Schedules() {
	const query = useQuery<{ schedules: Schedule[] }>('/schedules');
	const columns: Column<Schedule>[] = [
		{ name: 'When', cell: (s) => <><code>{s.cron}</code> <span class="muted">{s.zone}</span></> },
		{ name: 'Branch', cell: (s) => s.branch ?? '' },
		{ name: 'Repository', cell: (s) => s.repo ?? '', minor: true },
		{ name: 'Next', cell: (s) => (s.next ? <Ago at={s.next} /> : <span class="muted">never again</span>) },
		{ name: 'Last time', cell: (s) => (s.last && /^run-\d+$/.test(s.last) ? <a href={`/runs/${s.last}`}>{s.last}</a> : (s.last ?? <span class="muted">not yet</span>)) },
	];
	return (
		<Section
			title="Schedules" about="Runs by the clock, as on.schedule in penstock.yml says." query={query}
			empty={(d) => !d.schedules.length && nothing('clock', 'Nothing runs by the clock', <>A nightly run, for instance: <code>on: {'{'}schedule: [{'{'}cron: "0 3 * * *", zone: Europe/Berlin{'}'}]{'}'}</code> (minute, hour, day, month, weekday).</>, 'penstock schedules')}
		>
			{(d) => <div class="panel"><Table narrow="stack" caption="List of schedules" columns={columns} rows={d.schedules} keyOf={(s) => `${s.repo} ${s.cron} ${s.branch}`} /></div>}
		</Section>
	);
}

const checkLook = (state: string) => (state === 'ok' ? ({ tone: 'ok', icon: 'passed' } as const) : state === 'warning' ? ({ tone: 'wait', icon: 'flaky' } as const) : ({ tone: 'bad', icon: 'failed' } as const));

export function Health() {
	const query = useQuery<Doctor>('/doctor', () => false); // seen anew when it is opened, not with each event: it looks at disks
	const absent = query.problem instanceof Problem && query.problem.status === 404;
	if (absent) return <Section title="Health" about="Is this installation well?" query={{ ...query, problem: undefined, data: {} as Doctor }} empty={() => nothing('terminal', 'This daemon has no such request', 'Ask in a terminal on its machine:', 'penstock doctor')}>{() => null}</Section>;
	return (
		<Section title="Health" about="Is this installation well? The checks of penstock doctor, done now by the daemon itself." query={query} action={<Button icon="rerun" onClick={() => refetch((p) => p === '/doctor')}>Check again</Button>}>
			{(d) => {
				const bad = d.checks.filter((c) => c.state !== 'ok');
				return (
					<>
						<div class={`notice tone-${bad.some((c) => c.state !== 'warning') ? 'bad' : bad.length ? 'wait' : 'ok'}`} role="status">
							<Icon name={bad.length ? 'flaky' : 'passed'} />
							<div>{bad.length ? `${plural(bad.length, 'check')} of ${d.checks.length} want${bad.length === 1 ? 's' : ''} something` : `All ${d.checks.length} checks are well`}</div>
						</div>
						{d.journal && (
							<dl class="tiles">
								<div><dt>Records in the journal</dt><dd>{count(d.journal.seq ?? 0)}</dd></div>
								<div><dt>Orders under way or waiting</dt><dd>{count(d.journal.outbox ?? 0)}</dd></div>
								<div><dt>Mean time of a commit, since the start</dt><dd>{d.journal.commit_usec ? (d.journal.commit_usec < 1000 ? `${d.journal.commit_usec} \u00b5s` : duration(d.journal.commit_usec)) : 'none yet'}</dd></div>
								<div><dt>Agents connected</dt><dd>{d.agents?.connected ?? 0}{d.agents?.lost ? `, ${d.agents.lost} lost` : ''}</dd></div>
							</dl>
						)}
						<div class="panel">
							<ul class="checks">
								{[...bad, ...d.checks.filter((c) => c.state === 'ok')].map((c) => {
									const is = checkLook(c.state);
									return (
										<li key={c.check}>
											<span class={`state-icon tone-${is.tone}`}><Icon name={is.icon} label={c.state} /></span>
											<strong>{c.check}</strong>
											<span class="wrap">{c.says}{c.fix && <span class="check-fix"><Icon name="right" size={12} /><code>{c.fix}</code><Copy text={c.fix} label="Copy what to do" /></span>}</span>
										</li>
									);
								})}
							</ul>
						</div>
					</>
				);
			}}
		</Section>
	);
}
