import { Meter } from '../../ui/basics';
import { lookOf, StateBadge } from '../../ui/state';
import { Ago, Took } from '../../ui/time';
import { exact, person, shortAge, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { hasPage } from '../../routes';
import type { Card, Wait } from './model';

function WaitLine({ wait }: { wait: Wait }) {
	const text = wait.href ? <a href={wait.href}>{wait.text}</a> : wait.text;
	return (
		<li class={wait.bad ? 'wait wait-bad' : 'wait'}>
			<Icon name={wait.icon} size={14} />
			<span>
				{text}
				{wait.until && <span class="wait-time" title={exact(wait.until)}> until {shortAge(wait.until - serverNow())} from now</span>}
				{wait.since && !wait.bad && <span class="wait-time"> for <Took from={wait.since} /></span>}
			</span>
		</li>
	);
}

export function hrefOf(card: Card): string {
	return `/runs/${card.run.id}`;
}

export function CardView({ card, full, flip }: { card: Card; full: boolean; flip: string }) {
	const change = card.run.change ?? {};
	const tone = lookOf(card.state).tone;
	return (
		<article class={`card tone-${tone}${card.open ? '' : ' card-over'}`} data-flip={flip} data-card={card.key} data-state={card.state}>
			{full && (
				<>
					<a class="card-subject" href={hrefOf(card)}>{change.subject ?? card.run.id}</a>
					<p class="card-who">{change.author ? person(change.author) : 'nobody'} · <Ago at={card.run.created_at} /></p>
				</>
			)}
			<div class="card-state">
				<StateBadge state={card.state} />
				{card.open && card.since && <span class="card-for"><Took from={card.since} /></span>}
				{!card.open && card.release?.live_at && card.state === 'live' && <span class="card-for"><Ago at={card.release.live_at} short /></span>}
			</div>
			{card.parts.length > 0 && card.open && <Meter parts={card.parts} label={card.progress} />}
			{card.open && card.progress && <p class="card-progress">{card.progress}</p>}
			{card.waits.length > 0 && <ul class="waits">{card.waits.slice(0, full ? 2 : 3).map((w) => <WaitLine key={w.text} wait={w} />)}</ul>}
			{card.stage === 'gate' && card.open && card.release && hasPage('/releases/:id') && <a class="button button-small card-act" href={`/releases/${card.release.id}`}>Decide</a>}
			{card.waits.length > (full ? 2 : 3) && <p class="card-progress">and {card.waits.length - (full ? 2 : 3)} more</p>}
		</article>
	);
}
