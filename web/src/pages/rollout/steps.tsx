// The steps, gone and to come, and who decided what.
import type { Curves } from '../../api/deliver';
import type { Rollout } from '../../api/types';
import { Skeleton } from '../../ui/basics';
import { clock, duration, exact, iso, person } from '../../ui/format';
import { Icon, type IconName } from '../../ui/icon';
import { Took } from '../../ui/time';
import { Panel } from '../shared/bits';
import { share, type StepRow } from './model';

const looks: Record<string, { icon: IconName; tone: string; word: string }> = {
	done: { icon: 'passed', tone: 'ok', word: 'passed' }, now: { icon: 'running', tone: 'run', word: 'now' }, next: { icon: 'blocked', tone: 'idle', word: 'to come' },
	left_out: { icon: 'skipped', tone: 'idle', word: 'left out' }, stopped: { icon: 'failed', tone: 'bad', word: 'stopped here' },
};

export function Steps({ rows, rollout: r }: { rows: StepRow[]; rollout: Rollout }) {
	const s = r.strategy ?? {};
	const rules = [s.kind, s.min_bake && `at least ${duration(s.min_bake)} each`, s.max && `at most ${duration(s.max)} in all`].filter(Boolean).join(', ');
	return (
		<Panel title="Steps" note={rules || null} flush>
			{rows.length === 0 && <p class="panel-body muted">One step: all of the traffic, when the new replicas are ready.</p>}
			<ol class="steps">
				{rows.map((row, i) => {
					const look = looks[row.state] ?? (looks['next'] as (typeof looks)[string]);
					return (
						<li key={i} class={`step tone-${look.tone}`} aria-current={row.state === 'now' ? 'step' : undefined}>
							<Icon name={look.icon} label={look.word} />
							<b class="num">{share(row.share)}</b>
							<span class="muted">{look.word}</span>
							{row.from && <span class="muted step-took"><Took from={row.from} to={row.to} /></span>}
						</li>
					);
				})}
			</ol>
		</Panel>
	);
}

function look(text: string): { icon: IconName; tone: string } {
	if (/^the verdict failed|^taken back|^stopped|refused/.test(text)) return { icon: 'failed', tone: 'bad' };
	if (/passed:|^done/.test(text)) return { icon: 'passed', tone: 'ok' };
	if (/confirmed at the data plane/.test(text)) return { icon: 'rollout', tone: 'run' };
	if (/^promoted/.test(text)) return { icon: 'play', tone: 'run' };
	return { icon: 'right', tone: 'idle' };
}

export function Decisions({ curves }: { curves: Curves | undefined }) {
	if (!curves) return <div class="panel-body"><Skeleton lines={3} /></div>;
	if (!curves.decisions.length) return <p class="panel-body muted">Nothing was decided yet.</p>;
	return (
		<ol class="log-words">
			{[...curves.decisions].reverse().map((d, i) => {
				const is = look(d.text);
				return (
					<li key={`${d.seq ?? ''}${i}`} class={`tone-${is.tone}`}>
						<time dateTime={iso(d.at)} title={exact(d.at)}>{clock(d.at)}</time>
						<Icon name={is.icon} size={14} />
						<span>{d.text}{d.by !== 'engine' && <span class="muted"> by {person(d.by)}</span>}</span>
						{d.seq ? <span class="muted log-seq" title="Its record in the journal">#{d.seq}</span> : null}
					</li>
				);
			})}
		</ol>
	);
}
