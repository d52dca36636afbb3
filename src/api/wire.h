/*
 * What the daemon and its clients say to each other: paths below the unix socket's or the port's root, and nothing else. Bodies are JSON,
 * streams are NDJSON or server-sent events. A change is answered with {"ok":true,"seq":N} once it is in the journal; what is refused, with
 * a problem (RFC 9457): {"type","title","status","detail","code"}, where code is a name of base/err.h and detail what people read.
 */
#pragma once

#define WIRE_PORT   7400
#define WIRE_SOCKET "penstock.sock" /* in the data folder */
#define WIRE_BASE   "/api/v1"

#define WIRE_STATUS       WIRE_BASE "/status"
#define WIRE_RUNS         WIRE_BASE "/runs"
#define WIRE_RELEASES     WIRE_BASE "/releases"
#define WIRE_ROLLOUTS     WIRE_BASE "/rollouts"
#define WIRE_INCIDENTS    WIRE_BASE "/incidents"
#define WIRE_ENVIRONMENTS WIRE_BASE "/environments"
#define WIRE_TESTS        WIRE_BASE "/tests"
#define WIRE_JOBS         WIRE_BASE "/jobs"
#define WIRE_AGENTS       WIRE_BASE "/agents"
#define WIRE_QUEUES       WIRE_BASE "/queues"
#define WIRE_HISTORY      WIRE_BASE "/history"
#define WIRE_SCHEDULES    WIRE_BASE "/schedules"
#define WIRE_JOURNAL      WIRE_BASE "/journal"
#define WIRE_TRAFFIC      WIRE_BASE "/traffic"
#define WIRE_REPLICAS     WIRE_BASE "/replicas"
#define WIRE_DOORS        WIRE_BASE "/doors"
#define WIRE_HOOK         WIRE_BASE "/hook"
#define WIRE_AUDIT        WIRE_BASE "/audit"
#define WIRE_EVENTS       WIRE_BASE "/events"
#define WIRE_ME           WIRE_BASE "/me"
#define WIRE_LOGIN        WIRE_BASE "/login"
#define WIRE_USERS        WIRE_BASE "/users"
#define WIRE_TOKENS       WIRE_BASE "/tokens"
#define WIRE_SESSIONS     WIRE_BASE "/sessions"
#define WIRE_GRANTS       WIRE_BASE "/grants"
#define WIRE_OPENAPI      WIRE_BASE "/openapi.json"
#define WIRE_GRAPH        WIRE_BASE "/graph"
#define WIRE_PROJECT      WIRE_BASE "/project"
#define WIRE_UNITS        WIRE_BASE "/units"
#define WIRE_CHANGES      WIRE_BASE "/changes"
#define WIRE_ARTIFACTS    WIRE_BASE "/artifacts"
#define WIRE_INSIGHTS     WIRE_BASE "/insights"
#define WIRE_SEARCH       WIRE_BASE "/search"
#define WIRE_DOCTOR       WIRE_BASE "/doctor"
#define WIRE_SECRETS      WIRE_BASE "/secrets"
#define WIRE_NOTIFIERS    WIRE_BASE "/notifiers"
#define WIRE_SETTINGS     WIRE_BASE "/settings"

#define WIRE_METRICS "/metrics"
#define WIRE_HEALTHZ "/healthz"
#define WIRE_READYZ  "/readyz"

#define WIRE_LIST_MAX 1000 /* things of one list; ?limit=, 20 when it is not given */
