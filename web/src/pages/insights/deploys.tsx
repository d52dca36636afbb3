// What stands behind a point: the deployments of a day.
import { useQuery } from '../../api/hooks';
import type { Rollout } from '../../api/types';
import { Button, Digest } from '../../ui/basics';
import { duration, plural } from '../../ui/format';
import { StateBadge } from '../../ui/state';
import { Ago } from '../../ui/time';
import { dayText, type DoraDay } from './model';

const SHOWN = 40;

function Row({ id }: { id: string }) {
	const { data: ro, problem } = useQuery<Rollout>(`/rollouts/${id}`);
	if (!ro) return <tr><td><a href={`/rollouts/${id}`}>{id}</a></td><td colSpan={6} class="muted">{problem ? problem.message : 'Loading'}</td></tr>;
	return (
		<tr>
			<td><a href={`/rollouts/${id}`}>{id}</a></td>
			<td>{ro.unit}</td>
			<td class="minor">{ro.environment}</td>
			<td><a href={`/releases/${ro.release}`}>{ro.release}</a></td>
			<td class="minor"><Digest value={ro.image} /></td>
			<td><StateBadge state={ro.state} {...(ro.is_return ? { text: 'a return' } : {})} /></td>
			<td class="num minor">{ro.created_at && ro.ended_at ? duration(ro.ended_at - ro.created_at) : ''}</td>
			<td class="num"><Ago at={ro.applied_at ?? ro.created_at} /></td>
		</tr>
	);
}

export function Deploys({ day, onClose }: { day: DoraDay; onClose: () => void }) {
	const ids = day.rollouts ?? [];
	return (
		<section class="panel" aria-labelledby="behind-head">
			<header class="panel-head">
				<h2 id="behind-head">{dayText(day.day)}: {plural(ids.length, 'deployment')}{day.failed ? `, ${day.failed} failed` : ''}{day.rework ? `, ${day.rework} rework` : ''}</h2>
				<Button kind="quiet" small icon="close" aria-label="Close" onClick={onClose} />
			</header>
			{ids.length === 0 ? <p class="panel-body muted">No version of a service got production traffic on this day (UTC).</p> : (
				<div class="table-wrap" tabIndex={0} role="region" aria-label="Deployments of the day">
					<table>
						<caption class="offscreen">Deployments of {dayText(day.day)}, UTC</caption>
						<thead><tr><th scope="col">Rollout</th><th scope="col">Service</th><th scope="col" class="minor">Environment</th><th scope="col">Release</th><th scope="col" class="minor">Version</th><th scope="col">State</th><th scope="col" class="num minor">Took</th><th scope="col" class="num">When</th></tr></thead>
						<tbody>{ids.slice(0, SHOWN).map((id) => <Row key={id} id={id} />)}</tbody>
					</table>
				</div>
			)}
			{ids.length > SHOWN && <p class="panel-body muted">and {ids.length - SHOWN} more of this day</p>}
		</section>
	);
}
