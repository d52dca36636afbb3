/* Two texts compared line by line, for people. Pure. */
#pragma once
#include "base/strbuf.h"

/*
 * Append hunks as `diff -u` writes them ("@@ -3,4 +3,5 @@", then lines with ' ', '-', '+'), two lines of context. Nothing when they are equal. False: they
 * differ in too many lines to be compared (more than 2,000 on a side, after what both begin and end with); nothing was appended.
 */
MUST_CHECK bool lines_diff(struct strbuf *to, struct str old_text, struct str new_text);
