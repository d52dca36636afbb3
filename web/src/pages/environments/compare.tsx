// Two environments: what one has and the other has not.
import type { Comparison, Version } from '../../api/deliver';
import { useQuery } from '../../api/hooks';
import type { Environment } from '../../api/types';
import { Button, Digest, Empty, Failure, Skeleton } from '../../ui/basics';
import { plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/time';
import { Panel } from '../shared/bits';
import { CommitList } from '../shared/commits';

function Choice({ label, value, list, onChange }: { label: string; value: string; list: Environment[]; onChange: (id: string) => void }) {
	return <select class="choice" aria-label={label} value={value} onChange={(e) => onChange(e.currentTarget.value)}>{list.map((e) => <option key={e.id} value={e.id}>{e.id}</option>)}</select>;
}

function Side({ name, v }: { name: string; v: Version | undefined }) {
	return (
		<div class="cmp-side">
			<span class="muted">{name}</span>
			{v ? <span class="cmp-version"><Digest value={v.image} />{v.release && <a href={`/releases/${v.release}`}>{v.release}</a>}<span class="muted"><Ago at={v.since} /></span></span> : <span class="muted">not there</span>}
			{v?.subject && <span class="cut" title={v.subject}>{v.subject}</span>}
		</div>
	);
}

export function Compare({ list, a, b, onChange }: { list: Environment[]; a: string; b: string; onChange: (a: string, b: string) => void }) {
	const { data, problem } = useQuery<Comparison>(a && b && a !== b ? `/environments/${encodeURIComponent(a)}/compare?with=${encodeURIComponent(b)}` : null, (touch) => touch.ids.includes(a) || touch.ids.includes(b));
	const units = data?.units ?? [];
	const other = units.filter((u) => !u.same);
	const same = units.filter((u) => u.same);
	return (
		<>
			<div class="filters">
				<Choice label="This environment" value={a} list={list} onChange={(id) => onChange(id, id === b ? a : b)} />
				<Button kind="quiet" icon="rerun" aria-label="The other way round" title="The other way round" onClick={() => onChange(b, a)} />
				<Choice label="against this one" value={b} list={list} onChange={(id) => onChange(id === a ? b : a, id)} />
				{data && <span class="muted">{other.length ? `${plural(other.length, 'service')} of ${units.length} ${other.length === 1 ? 'differs' : 'differ'}` : 'all the same'}</span>}
			</div>
			{problem && <Failure problem={problem} />}
			{!data && !problem && <Skeleton lines={4} tall />}
			{data && units.length === 0 && <Empty icon="environments" title="Nothing runs in either" />}
			{data && units.length > 0 && other.length === 0 && <Empty icon="check" title={`${a} and ${b} run the same`}>Every one of {plural(units.length, 'service')} has the same digest in both.</Empty>}
			{other.map((u) => (
				<Panel
					key={u.unit} title={u.unit}
					tools={u.commits && !u.commits.problem && (
						<span class="cmp-counts">
							{(u.commits.ahead ?? 0) > 0 && <span class="badge tone-run"><Icon name="up" size={12} />{a} is {plural(u.commits.ahead ?? 0, 'commit')} ahead</span>}
							{(u.commits.behind ?? 0) > 0 && <span class="badge tone-wait"><Icon name="down" size={12} />and {plural(u.commits.behind ?? 0, 'commit')} behind</span>}
						</span>
					)}
				>
					<div class="stack">
						<div class="cmp"><Side name={a} v={u.a} /><Side name={b} v={u.b} /></div>
						{u.commits && ((u.commits.list?.length ?? 0) > 0 || u.commits.problem) && <CommitList commits={u.commits} />}
					</div>
				</Panel>
			))}
			{same.length > 0 && other.length > 0 && <p class="muted">The same in both: {same.map((u) => u.unit).join(', ')}.</p>}
		</>
	);
}
