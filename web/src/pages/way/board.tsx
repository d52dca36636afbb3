// The board itself: lanes with the four stages as columns.
import type { Environment, Stage } from '../../api/types';
import { cx, Digest } from '../../ui/basics';
import { duration, person, shortDigest, shortRef } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/time';
import { CardView, hrefOf } from './card';
import { groupOf, STAGES, stageName, type Card, type Lane } from './model';

function Heads({ first }: { first: string }) {
	return (
		<div class="lane lane-heads" role="row">
			<div class="lane-head" role="columnheader">{first}</div>
			{STAGES.map((s) => <div key={s} class="cell-head" role="columnheader">{stageName[s]}</div>)}
		</div>
	);
}

function Passed({ stage, usec }: { stage: Stage; usec: number }) {
	return (
		<span class="trail tone-ok" title={`${stage} passed${usec ? ` in ${duration(usec)}` : ''}`}>
			<Icon name="check" size={14} label="passed" />
			{usec ? <span class="num">{duration(usec)}</span> : <span class="num">at once</span>}
		</span>
	);
}

export function ChangeBoard({ cards }: { cards: Card[] }) {
	return (
		<div class="board" role="table" aria-label="Changes by stage">
			<Heads first="Change" />
			{cards.map((card) => {
				const change = card.run.change ?? {};
				return (
					<div key={card.key} class={`lane${card.open ? '' : ' lane-over'}`} role="row">
						<div class="lane-head" role="rowheader" data-flip={`head ${card.key}`}>
							<a class="card-subject" href={hrefOf(card)}>{change.subject ?? card.run.id}</a>
							<p class="card-who">
								<span>{change.author ? person(change.author) : 'nobody'}</span> · <Ago at={card.run.created_at} />
							</p>
							<p class="lane-facts">
								{change.ref && <span class="chip"><Icon name="branch" size={12} />{change.number ? `#${change.number}` : shortRef(change.ref)}</span>}
								{change.commit && <Digest value={change.commit} label="Copy the commit" />}
							</p>
						</div>
						{STAGES.map((stage) => (
							<div key={stage} class={`cell${stage === card.stage ? ' cell-here' : ''}`} role="cell" data-stage={stage} data-name={stageName[stage]}>
								{stage === card.stage ? <CardView card={card} full={false} flip={card.key} /> : card.passed[stage] !== undefined ? <Passed stage={stage} usec={card.passed[stage]} /> : null}
							</div>
						))}
					</div>
				);
			})}
		</div>
	);
}

// What is live of a service in the environment of a stage: where its cards come to rest.
function Resting({ unit, stage, environments }: { unit: string; stage: Stage; environments: Environment[] }) {
	const env = environments.find((e) => e.stage === stage);
	const live = env?.live?.find((l) => l.unit === unit);
	if (!live) return null;
	const hold = env?.holds?.find((h) => !h.unit || h.unit === unit);
	return (
		<div class="resting" title={`${unit} in ${env?.id}: ${live.image}`}>
			<span class="tone-ok state-icon"><Icon name="live" size={13} label="live" /></span>
			<code>{shortDigest(live.image)}</code>
			<span class="muted"><Ago at={live.since} short /></span>
			{hold && <span class="badge tone-wait"><Icon name="hold" size={13} />on hold</span>}
		</div>
	);
}

// What is under way, and the last thing that went wrong when nothing newer came: what went well is the version that rests in its place. When
// ended changes are asked for, they are all shown.
function ofLane(lane: Lane, asked: boolean): Card[] {
	if (asked) return lane.cards;
	const newest = lane.cards.filter((c) => !c.open)[0];
	return lane.cards.filter((c) => c.open || (c === newest && groupOf(c) === 'failed'));
}

export function ServiceBoard({ lanes, environments, asked }: { lanes: Lane[]; environments: Environment[]; asked: boolean }) {
	return (
		<div class="board" role="table" aria-label="Services by stage">
			<Heads first="Service" />
			{lanes.map((lane) => {
				const cards = ofLane(lane, asked);
				const open = lane.cards.filter((c) => c.open).length;
				return (
					<div key={lane.unit} class={cx('lane lane-service', !cards.length && 'lane-idle')} role="row">
						<div class="lane-head" role="rowheader">
							<h2>{lane.unit || 'no service'}</h2>
							{lane.unit ? open > 0 && <p class="card-who">{open} on the way</p> : <p class="card-who">changes that touch no service</p>}
						</div>
						{STAGES.map((stage) => (
							<div key={stage} class="cell" role="cell" data-stage={stage} data-name={stageName[stage]}>
								{(stage === 'staging' || stage === 'production') && <Resting unit={lane.unit} stage={stage} environments={environments} />}
								{cards.filter((c) => c.stage === stage).map((c) => <CardView key={c.key} card={c} full flip={`${lane.unit} ${c.key}`} />)}
							</div>
						))}
					</div>
				);
			})}
		</div>
	);
}
