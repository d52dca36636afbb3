// Where to go after signing in: only a path of ours. "//host" and "/\host" are other hosts to a browser.
export function safeReturn(to: string | null): string {
	if (!to || !to.startsWith('/') || /^\/[/\\]/.test(to) || /[\u0000-\u001f]/.test(to)) return '/way';
	return to.startsWith('/login') ? '/way' : to;
}
