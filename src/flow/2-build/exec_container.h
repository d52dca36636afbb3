/* What a job may stand in besides the process sandbox: an image's file system, services, caches; and what is kept when it failed. */
#pragma once
#include "flow/2-build/exec_sandbox.h"
#include "ports/image.h"

/* ---- exec_container.c, exec_container_side.c */
/* Fetch what the job's container and services need, lay their changeable parts out in the folder that is being prepared, and tell the shim. */
MUST_CHECK enum rc container_make(const struct sandbox_exec *x, const struct job_spec *spec,
				  const struct exec_inputs *in, struct shim_spec *s,
				  struct err *err);
/* <folder>/{upper/etc, root}: from is where it is now, dir where it will be. */
MUST_CHECK enum rc container_box(const struct sandbox_exec *x, const struct image_root *root,
				 const char *from, const char *dir, const char *hosts, bool network,
				 struct shim_box *ret, struct err *err);
/* exec_container_pull.c: pull it; "oci:PATH" of the repository is laid out below `from` for that. */
MUST_CHECK enum rc container_image(const struct sandbox_exec *x, const struct job_spec *spec,
				   const struct exec_inputs *in, const char *ref, const char *from,
				   struct image_root *ret, struct err *err);
MUST_CHECK enum rc container_sides(const struct sandbox_exec *x, const struct job_spec *spec,
				   const struct exec_inputs *in, const char *from, const char *dir,
				   const char *hosts, struct shim_spec *s, struct err *err);
/* exec_container_docker.c: a docker is there whose daemon takes our jobs; what earlier ones left is removed. Blocks. */
MUST_CHECK enum rc docker_open(struct sandbox_exec *x, const char *docker, struct err *err);
void container_pair(shim_pairs *to, const char *key, const char *value);

/* ---- exec_cache_dirs.c */
/* Lay the job's dependency caches out in the prepared folder, and note there what is to be kept. A cache that cannot be used is no failure. */
void caches_restore(const struct sandbox_exec *x, const struct job_spec *spec, const char *from);
/* The job passed: keep what is new. Its folder is about to go. */
void caches_save(const struct sandbox_exec *x, const char *dir);

/* ---- exec_kept.c */
/* Write <from>/shell.json: all of the spec but secrets; their references instead. */
MUST_CHECK enum rc kept_note(const struct job_spec *spec, const struct shim_spec *s,
			     const char *from, struct err *err);
/* The job is forgotten: its folder goes, or, when it failed and was to be kept, to <data>/kept. */
MUST_CHECK enum rc kept_retire(const struct sandbox_exec *x, const char *dir, struct err *err);
/* Make the kept workspace of the attempt before the folder that is being prepared. RC_NOT_FOUND: there is none any more. */
MUST_CHECK enum rc kept_take(const struct sandbox_exec *x, const struct job_spec *spec,
			     const char *from, uint32_t *ret_resume_from, struct err *err);
