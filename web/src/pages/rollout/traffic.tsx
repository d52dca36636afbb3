// The traffic bar: what the data plane confirmed, what is ordered, and where the steps are.
import type { Rollout } from '../../api/types';
import { cx } from '../../ui/basics';
import { shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { labelsOf, rolloutIsOver, share } from './model';

export function Traffic({ rollout: r }: { rollout: Rollout }) {
	const ordered = r.weight ?? 0;
	const confirmed = r.confirmed ?? 0;
	const steps = (r.strategy?.steps ?? []).map((s) => s.share ?? 0).filter((s) => s > 0);
	const width = (v: number) => ({ width: `${v * 100}%` });
	const left = (v: number) => ({ left: `${v * 100}%` });
	const said = `${share(confirmed)} of the traffic goes to the new version, ${share(1 - confirmed)} to the old one${ordered !== confirmed ? `; ${share(ordered)} is ordered` : ''}`;
	const replicas = r.want ?? r.replicas;
	return (
		<section class="panel traffic" aria-label="Traffic">
			<div class="traffic-words">
				<span><i class="swatch swatch--accent" />new <code>{shortDigest(r.image)}</code> <b class="num">{share(confirmed)}</b></span>
				{ordered !== confirmed && <span class="traffic-ordered tone-wait"><Icon name="waiting" size={13} />{share(ordered)} ordered, not confirmed at the data plane yet</span>}
				{replicas && !rolloutIsOver(r) ? <span class="muted">{r.ready ?? 0} of {replicas} {replicas === 1 ? 'replica' : 'replicas'} ready{r.restarts ? `, ${r.restarts} restarts` : ''}</span> : null}
				<span class="traffic-old"><b class="num">{share(1 - confirmed)}</b> old {r.previous ? <code>{shortDigest(r.previous)}</code> : '(none)'}<i class="swatch swatch--idle-solid" /></span>
			</div>
			<div class="traffic-bar" role="img" aria-label={said}>
				<span class={cx('traffic-new', (r.state === 'aborting' || r.state === 'aborted') && 'traffic-bad')} style={width(confirmed)} />
				{ordered > confirmed && <span class="traffic-plan" style={{ ...left(confirmed), width: `${(ordered - confirmed) * 100}%` }} />}
				{ordered < confirmed && <span class="traffic-plan traffic-back" style={{ ...left(ordered), width: `${(confirmed - ordered) * 100}%` }} />}
				{steps.slice(0, -1).map((s) => <i key={s} class="traffic-tick" style={left(s)} />)}
			</div>
			{steps.length > 1 && (
				<div class="traffic-steps" aria-hidden="true">
					{labelsOf(steps, rolloutIsOver(r) ? undefined : (r.step ?? 0)).map((room, i) => ({ room, i, s: steps[i] as number })).filter(({ room }) => room !== 'none').map(({ room, i, s }) => <span key={s} class={cx(!rolloutIsOver(r) && i === (r.step ?? 0) && 'here', room === 'wide' && 'traffic-wide', s > 0.9 && 'traffic-last', s < 0.1 && 'traffic-first')} style={left(s)}>{share(s)}</span>)}
				</div>
			)}
		</section>
	);
}
