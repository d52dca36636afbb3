// Times are relative, and exact to who points at them or tabs to them.
import { useTick } from '../api/hooks';
import { ageTick, ago, duration, exact, iso, serverNow, shortAge } from './format';

export function Ago({ at, short }: { at: number | undefined; short?: boolean }) {
	useTick(at ? ageTick(serverNow() - at) : null);
	if (!at) return null;
	const now = serverNow();
	return (
		<time class="ago" dateTime={iso(at)} data-exact={exact(at)} tabIndex={0}>
			{short ? shortAge(Math.abs(now - at)) : ago(at, now)}
		</time>
	);
}

// From a time to another, or to now.
export function Took({ from, to }: { from: number | undefined; to?: number | undefined }) {
	useTick(from && !to ? 1000 : null);
	if (!from) return null;
	return <span class="num">{duration((to ?? serverNow()) - from)}</span>;
}
