// Before the code of the pages, and before the first paint.
import { askAhead, pathsAhead } from './api/ahead';
import './theme';

askAhead('/api/v1', pathsAhead(location.pathname, new URLSearchParams(location.search)));
