// Before the first paint: the theme that was chosen here. Without one the system's holds.
try {
	const theme = localStorage.getItem('penstock-theme');
	if (theme === 'dark' || theme === 'light') document.documentElement.dataset['theme'] = theme;
} catch {
	// no storage: the system's theme
}
