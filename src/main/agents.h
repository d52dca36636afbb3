/* Agents may come: what they do is told to the engine. Once, before the loop runs. */
#pragma once
#include "api/api.h"
#include "engine/engine.h"
#include "io/httpd.h"

void agents_open(struct exec *hub, struct engine *e, struct api *api, struct httpd *httpd);
