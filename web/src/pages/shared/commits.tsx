import type { Commits } from '../../api/deliver';
import { Digest } from '../../ui/basics';
import { person } from '../../ui/format';
import { Ago } from '../../ui/time';

export function CommitList({ commits }: { commits: Commits }) {
	if (commits.problem) return <p class="muted">{commits.problem}</p>;
	return (
		<ol class="commits">
			{(commits.list ?? []).map((c) => (
				<li key={c.commit}><Digest value={c.commit} label="Copy the commit" /><span class="cut" title={c.subject}>{c.subject}</span><span class="muted nowrap commits-who">{person(c.author ?? '')}</span><span class="muted"><Ago at={c.at} short /></span></li>
			))}
			{commits.more && <li class="muted">and older ones</li>}
		</ol>
	);
}
