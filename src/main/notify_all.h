/* One port for all kinds of notifiers: by notify_def.kind. */
#pragma once
#include "ports/notify.h"
MUST_CHECK enum rc notify_all_new(struct notify **ret, struct err *err);
