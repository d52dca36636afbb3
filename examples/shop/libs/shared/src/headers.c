#include "shared/headers.h"

const char *const shared_headers = "X-Content-Type-Options: nosniff\r\n";
