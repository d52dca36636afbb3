// All pictures: 16 by 16, drawn in the text's color, never without words beside or an aria-label around them.
import type { ComponentChildren } from 'preact';

const line = (d: string): ComponentChildren => <path d={d} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />;
const solid = (d: string): ComponentChildren => <path d={d} fill="currentColor" fill-rule="evenodd" />;
const ring = <circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" />;
const disc = 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z';

const icons = {
	// states: each another shape, so that no color is needed to tell them apart
	passed: <><path d={disc} fill="currentColor" /><path d="m4.8 8.2 2.2 2.2 4.2-4.6" fill="none" stroke="var(--surface)" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" /></>,
	failed: <><path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Z" fill="currentColor" /><path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" fill="none" stroke="var(--surface)" stroke-width="1.7" stroke-linecap="round" /></>,
	running: <><circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" opacity=".28" /><path class="spin" d="M8 1.75A6.25 6.25 0 0 1 14.25 8" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" /></>,
	waiting: <>{ring}{line('M8 4.5V8l2.3 1.6')}</>,
	ready: <>{ring}<circle cx="8" cy="8" r="2.25" fill="currentColor" /></>,
	blocked: <circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2.2 2.2" />,
	cached: <>{solid('M9.2 1 3.4 9h3.4L6 15l6.6-8.6H9Z')}</>,
	unaffected: <>{ring}{line('M5.2 8h5.6')}</>,
	skipped: <>{ring}{line('m4 12 8-8')}</>,
	flaky: <><path d="M8 1.2 15.4 14.4H.6Z" fill="currentColor" /><path d="M8 5.6v4m0 2.3v.1" fill="none" stroke="var(--surface)" stroke-width="1.6" stroke-linecap="round" /></>,
	cancelled: <><path d={disc} fill="currentColor" opacity=".9" /><path d="M5 8h6" fill="none" stroke="var(--surface)" stroke-width="1.8" stroke-linecap="round" /></>,
	lost: <>{ring}{line('M6.3 6.2a1.75 1.75 0 1 1 2.6 1.6c-.6.3-.9.6-.9 1.2m0 2.2v.1')}</>,
	manual: <>{ring}<path d="M6.6 5.2v5.6L11 8Z" fill="currentColor" /></>,
	superseded: <>{line('m3.5 4 4 4-4 4m5-8 4 4-4 4')}</>,
	rolled_back: <>{line('M5.5 3 2.5 6l3 3M2.8 6h6.4a4 4 0 0 1 0 8H6')}</>,
	hold: <>{ring}{line('M6.4 5.8v4.4m3.2-4.4v4.4')}</>,
	live: <><circle cx="8" cy="8" r="3" fill="currentColor" /><circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" /></>,
	open: <><path d="M8 1.2 14.8 8 8 14.8 1.2 8Z" fill="currentColor" /><path d="M8 5v3.4m0 2.2v.1" fill="none" stroke="var(--surface)" stroke-width="1.6" stroke-linecap="round" /></>,
	// places
	way: <>{line('M2 4.5h5.5a3 3 0 0 1 3 3v1a3 3 0 0 0 3 3H14M2 11.5h3')}</>,
	runs: <>{line('M2 4h4m2 0h6M2 8h7m2 0h3M2 12h2m2 0h8')}</>,
	release: <>{line('M8 1.8 13.5 5v6L8 14.2 2.5 11V5ZM2.7 5.1 8 8.1l5.3-3M8 8v6')}</>,
	rollout: <>{line('M2 13.5V11m4 2.5V8.5m4 5V5.5m4 8V2.5')}</>,
	environments: <>{line('M2 3h12v4H2Zm0 6h12v4H2Zm2.5-4h.1m-.1 6h.1')}</>,
	incidents: <>{line('M8 2 14.5 13.5h-13ZM8 6.5v3m0 2v.1')}</>,
	graph: <>{line('M4 5.5v5m1.5-6.8L10.4 7m-4.9 5.3L10.5 9')}<circle cx="4" cy="3.6" r="1.9" fill="none" stroke="currentColor" stroke-width="1.4" /><circle cx="4" cy="12.4" r="1.9" fill="none" stroke="currentColor" stroke-width="1.4" /><circle cx="12.2" cy="8" r="1.9" fill="none" stroke="currentColor" stroke-width="1.4" /></>,
	insights: <>{line('M2 2v12h12M4.5 10.5l3-3.5 2.5 2L14 4.5')}</>,
	audit: <>{line('M4 1.8h6l2.5 2.6v9.8H4Zm2 4.7h4.5m-4.5 3h4.5m-4.5 3h2.5')}</>,
	settings: <>{line('M2 4.5h5m4 0h3M2 11.5h2m4 0h6')}<circle cx="9" cy="4.5" r="1.9" fill="none" stroke="currentColor" stroke-width="1.4" /><circle cx="6" cy="11.5" r="1.9" fill="none" stroke="currentColor" stroke-width="1.4" /></>,
	// things to do
	search: <>{line('m10.4 10.4 3.6 3.6')}<circle cx="6.8" cy="6.8" r="4.3" fill="none" stroke="currentColor" stroke-width="1.5" /></>,
	copy: <>{line('M5.5 5.5h8v8h-8Zm-3 5v-8h8')}</>,
	check: <>{line('m3 8.5 3.2 3.2L13 4.5')}</>,
	close: <>{line('m4 4 8 8m0-8-8 8')}</>,
	menu: <>{line('M2 4h12M2 8h12M2 12h12')}</>,
	more: <>{line('M3.5 8h.1m4.4 0h.1m4.4 0h.1')}</>,
	down: <>{line('m4 6 4 4 4-4')}</>,
	right: <>{line('m6 4 4 4-4 4')}</>,
	left: <>{line('m10 4-4 4 4 4')}</>,
	up: <>{line('m4 10 4-4 4 4')}</>,
	sun: <><circle cx="8" cy="8" r="2.8" fill="none" stroke="currentColor" stroke-width="1.5" />{line('M8 1.5v1.2m0 10.6v1.2M1.5 8h1.2m10.6 0h1.2M3.4 3.4l.9.9m7.4 7.4.9.9m0-9.2-.9.9m-7.4 7.4-.9.9')}</>,
	moon: <>{line('M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z')}</>,
	auto: <><circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" /><path d="M8 1.75a6.25 6.25 0 0 1 0 12.5Z" fill="currentColor" /></>,
	rerun: <>{line('M13 3v3.5H9.5M12.8 6.2A5.3 5.3 0 1 0 13 10')}</>,
	stop: <>{line('M4 4h8v8H4Z')}</>,
	play: <>{line('M5 3v10l8-5Z')}</>,
	terminal: <>{line('m2.5 4 3.5 4-3.5 4m5 0h6')}</>,
	person: <><circle cx="8" cy="5.2" r="2.9" fill="none" stroke="currentColor" stroke-width="1.5" />{line('M2.5 14a5.5 5.5 0 0 1 11 0')}</>,
	people: <><circle cx="6" cy="5.4" r="2.5" fill="none" stroke="currentColor" stroke-width="1.5" />{line('M1.5 13.5a4.5 4.5 0 0 1 9 0M10.5 3.1a2.5 2.5 0 0 1 0 4.6m1.5 1.6a4.5 4.5 0 0 1 2.5 4.2')}</>,
	commit: <><circle cx="8" cy="8" r="2.8" fill="none" stroke="currentColor" stroke-width="1.5" />{line('M1 8h4.2m5.6 0H15')}</>,
	branch: <>{line('M4.5 5.5v5M4.5 9c0-2 6.5-.5 6.5-3.5')}<circle cx="4.5" cy="3.8" r="1.7" fill="none" stroke="currentColor" stroke-width="1.4" /><circle cx="4.5" cy="12.2" r="1.7" fill="none" stroke="currentColor" stroke-width="1.4" /><circle cx="11" cy="3.9" r="1.7" fill="none" stroke="currentColor" stroke-width="1.4" /></>,
	clock: <>{ring}{line('M8 4.5V8l2.3 1.6')}</>,
	link: <>{line('M6.5 9.5 9.5 6.5M7 4.5l1.2-1.2a3.2 3.2 0 0 1 4.5 4.5L11.5 9m-7-2L3.3 8.2a3.2 3.2 0 0 0 4.5 4.5L9 11.5')}</>,
	external: <>{line('M9 2.5h4.5V7M13 3 7.5 8.5M6 3.5H2.5v10h10V10')}</>,
	shield: <>{line('M8 1.8 13.5 4v4c0 3.3-2.3 5.3-5.5 6.3C4.8 13.3 2.5 11.3 2.5 8V4Z')}</>,
	flag: <>{line('M3.5 14.5v-12M3.5 3h8.5l-2 3 2 3H3.5')}</>,
	keyboard: <>{line('M1.5 4h13v8h-13Zm2.5 2.7h.1m2.5 0h.1m2.5 0h.1m2.5 0h.1M5 9.5h6')}</>,
	filter: <>{line('M2 3.5h12M4.5 8h7M6.5 12.5h3')}</>,
	out: <>{line('M6.5 2.5h-4v11h4M10 5l3.5 3L10 11m3.3-3H6')}</>,
	wrap: <>{line('M2 4h12M2 8h9.5a2.2 2.2 0 0 1 0 4.5H8m1.7-2L7.7 12.5l2 2M2 12.5h3')}</>,
	eye: <>{line('M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8Z')}<circle cx="8" cy="8" r="1.9" fill="none" stroke="currentColor" stroke-width="1.4" /></>,
} as const;

export type IconName = keyof typeof icons;

export function Icon({ name, size = 16, label }: { name: IconName; size?: number; label?: string }) {
	return (
		<svg class="icon" width={size} height={size} viewBox="0 0 16 16" role={label ? 'img' : undefined} aria-label={label} aria-hidden={label ? undefined : 'true'} focusable="false">
			{icons[name]}
		</svg>
	);
}
