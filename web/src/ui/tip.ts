// One tip for the page: the exact time of what is relative, on hover and on focus. It stands in the page's corner of coordinates and not in
// what it explains, so that no scrolling box cuts it off and no screen is widened by it.
const GAP = 6;
let tip: HTMLElement | undefined;
let of: HTMLElement | null = null;

function hide(): void {
	of = null;
	tip?.remove();
}

function show(element: HTMLElement): void {
	of = element;
	tip ??= Object.assign(document.createElement('div'), { className: 'tip', role: 'tooltip' });
	tip.textContent = element.dataset['exact'] ?? '';
	// Within an open dialog, or it would lie below it.
	(element.closest('dialog') ?? document.body).append(tip);
	const at = element.getBoundingClientRect();
	const size = tip.getBoundingClientRect();
	const left = Math.min(Math.max(GAP, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - GAP);
	const above = at.top - size.height - GAP;
	tip.style.left = `${left}px`;
	tip.style.top = `${above > GAP ? above : at.bottom + GAP}px`;
}

export function startTips(): void {
	const over = (event: Event) => {
		const element = (event.target as Element | null)?.closest?.<HTMLElement>('[data-exact]') ?? null;
		if (element === of) return;
		if (element) show(element);
		else if (of && !(of === document.activeElement)) hide();
	};
	document.addEventListener('mouseover', over);
	document.addEventListener('focusin', over);
	document.addEventListener('focusout', hide);
	// What scrolls elsewhere, such as a log that follows, is none of its business; what has the focus keeps its tip.
	const scrolled = (event: Event) => {
		if (!of || !(event.target as Node).contains(of)) return;
		if (of === document.activeElement) show(of);
		else hide();
	};
	addEventListener('scroll', scrolled, { capture: true, passive: true });
	document.addEventListener('keydown', (event) => event.key === 'Escape' && hide());
}
