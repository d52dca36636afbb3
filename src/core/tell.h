/* What a record of the journal says, for people: one plain sentence by event kind, and whether it is a decision. Pure. */
#pragma once
#include "core/event.h"

struct strbuf;
/* "ann approved rel-4: looks good". One line without control characters, at most 400 bytes. */
void tell_event(const struct event *ev, struct strbuf *to);
/* Did a person or the system decide something by it: orders and refusals, rights, gates, verdicts, rollbacks? Not what merely happened. */
bool tell_is_decision(const struct event *ev);
/* Of every event of this kind the same answer; else it is in the event, by the states that it led to. */
enum tell_kind { TELL_NEVER, TELL_ALWAYS, TELL_BY_EVENT };
enum tell_kind tell_kind_of(enum event_kind kind);
