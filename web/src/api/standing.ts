// What became of a release that went live: its own state stays "live" for ever, its items say what runs there now.
import type { Release, ReleaseState } from './types';

export type Standing = ReleaseState | 'replaced';

// What was live already before it came is not the release's to lose.
export function standing(release: Pick<Release, 'state' | 'items'>): Standing {
	const moved = (release.items ?? []).filter((item) => !item.production_skipped);
	if (release.state !== 'live' || !moved.length || moved.some((item) => item.live)) return release.state;
	return moved.every((item) => item.taken_back) ? 'rolled_back' : 'replaced';
}
