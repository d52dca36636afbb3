// Which page is shown, and that its code and who looks at it are there first.
import { Component, type ComponentChildren, type FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { isAhead, pathsAhead } from './api/ahead';
import { whenStranger } from './api/client';
import { startLive } from './api/live';
import { loadMe } from './api/me';
import { Problem, problemText } from './api/problem';
import { primeQuery, startStore } from './api/store';
import type { Status } from './api/types';
import { currentPlace, go, match, usePlace } from './router';
import { pages, type Page, type PageProps } from './routes';
import { Button, Empty, Failure, Skeleton, useTitle } from './ui/basics';
import { setServerNow } from './ui/format';
import { Shell } from './ui/shell';
import { Toasts } from './ui/toast';

const loaded = new Map<Page, FunctionComponent<PageProps>>();
async function load(page: Page): Promise<void> {
	if (!loaded.has(page)) loaded.set(page, (await page.load()).default);
}

const RETRY = 3_000; // ms between two tries to reach a daemon that is away
const BLANK = 80; // ms: what is there by then is the first thing that is painted; a skeleton in between would only flash

function toLogin(): void {
	const place = currentPlace();
	if (place.path === '/login') return;
	const back = location.pathname + location.search + location.hash;
	go(`/login?to=${encodeURIComponent(back)}`, { replace: true });
}
whenStranger(toLogin);

// A mistake in one page must not take the frame away, nor be silent.
class Guard extends Component<{ place: string; children: ComponentChildren }, { problem: unknown; place: string }> {
	override state = { problem: undefined as unknown, place: this.props.place };
	static override getDerivedStateFromProps(props: { place: string }, state: { place: string }) {
		return props.place === state.place ? null : { problem: undefined, place: props.place };
	}
	override componentDidCatch(problem: unknown) {
		console.error(problem);
		this.setState({ problem });
	}
	override render() {
		if (this.state.problem === undefined) return this.props.children;
		return (
			<div class="page">
				<Failure problem={new Error(`This page could not be drawn: ${problemText(this.state.problem)}`)} retry={() => location.reload()} />
			</div>
		);
	}
}

function NotFound({ path }: { path: string }) {
	useTitle('Not found');
	return <div class="page"><Empty icon="lost" title="There is no such page">{path} leads nowhere. <a href="/way">To the way</a></Empty></div>;
}

// Whether the daemon is there at all.
async function answers(): Promise<boolean> {
	try {
		return (await fetch('/readyz', { cache: 'no-store', signal: AbortSignal.timeout(5_000) })).ok;
	} catch {
		return false;
	}
}

function Loaded({ page, params }: { page: Page; params: Record<string, string> }) {
	const [round, again] = useState(0); // renders once more, and tries once more what could not be loaded
	const [failed, setFailed] = useState<{ page: Page; away: boolean }>();
	const Shown = loaded.get(page);
	useEffect(() => {
		if (loaded.has(page)) return;
		let stop = false;
		let timer: ReturnType<typeof setTimeout> | undefined;
		load(page).then(() => !stop && again((n) => n + 1), async () => {
			const away = !(await answers());
			if (stop) return;
			setFailed({ page, away });
			if (away) timer = setTimeout(() => again((n) => n + 1), RETRY);
		});
		return () => {
			stop = true;
			clearTimeout(timer);
		};
	}, [page, round]);
	if (!Shown && failed?.page === page && failed.away)
		return <div class="page"><Empty icon="lost" title="Penstock cannot be reached">Nothing of this page is here yet. It is tried again every few seconds, and opens by itself. Pages that you had open before can still be read.</Empty></div>;
	// Another version of Penstock answers now: its files have other names.
	if (!Shown && failed?.page === page)
		return <div class="page"><Empty icon="rerun" title="Penstock was updated">This page is of the version before. <Button kind="primary" onClick={() => location.reload()}>Load it again</Button></Empty></div>;
	if (!Shown) return <div class="page"><Skeleton lines={6} tall /></div>;
	return <Shown key={`${page.path} ${JSON.stringify(params)}`} params={params} />;
}

type Start = { state: 'asking' } | { state: 'failed'; problem: unknown } | { state: 'ready'; project: string | undefined };

// Who we are, where the journal stands; then events from there on.
async function begin(page: Page | undefined): Promise<Start> {
	const place = currentPlace();
	const [status] = await Promise.all([
		primeQuery<Status>('/status'),
		loadMe(),
		page && load(page).catch(() => {}), // the page says it itself
		// The page finds them there at its first render; what failed it asks for itself.
		...pathsAhead(place.path, place.query).filter(isAhead).filter((path) => path !== '/status' && path !== '/me').map((path) => primeQuery(path).catch(() => {})),
	]);
	setServerNow(status.now);
	startStore();
	startLive(status.seq);
	return { state: 'ready', project: status.project?.name };
}

export function App() {
	const place = usePlace();
	const [start, setStart] = useState<Start>({ state: 'asking' });
	const found = pages.map((page) => ({ page, params: match(page.path, place.path) })).find((x) => x.params !== null);
	const bare = found?.page.bare ?? false;
	const [blank, setBlank] = useState(true);
	useEffect(() => {
		const timer = setTimeout(() => setBlank(false), BLANK);
		return () => clearTimeout(timer);
	}, []);
	useEffect(() => {
		if (place.path === '/') go('/way', { replace: true });
	}, [place.path]);
	useEffect(() => {
		if (bare || start.state === 'ready') return;
		let stop = false;
		let timer: ReturnType<typeof setTimeout> | undefined;
		const attempt = () =>
			begin(found?.page).then(
				(next) => !stop && setStart(next),
				(problem) => {
					if (stop || (problem instanceof Problem && problem.status === 401)) return;
					setStart({ state: 'failed', problem });
					timer = setTimeout(attempt, RETRY);
				},
			);
		void attempt();
		return () => {
			stop = true;
			clearTimeout(timer);
		};
	}, [bare]);
	const page = found ? <Loaded page={found.page} params={found.params as Record<string, string>} /> : place.path === '/' ? null : <NotFound path={place.path} />;
	if (blank && !bare && start.state === 'asking') return null;
	if (bare) return <Guard place={place.path}>{page}<Toasts /></Guard>;
	return (
		<>
			<Shell project={start.state === 'ready' ? start.project : undefined}>
				{start.state === 'asking' && <div class="page"><Skeleton lines={6} tall /></div>}
				{start.state === 'failed' && <div class="page"><Failure problem={start.problem} /></div>}
				{start.state === 'ready' && <Guard place={place.path}>{page}</Guard>}
			</Shell>
			<Toasts />
		</>
	);
}
