// SPDX-License-Identifier: Apache-2.0
/* A plan as JSON: everything the table says and everything a backend will do. The guest's
 * environment is left out: it may hold secrets, and `inspect` output gets pasted into issues.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <sys/capability.h>
#include <talloc.h>

#include "core/model/plan_words.h"

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

static void add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_int64((int64_t)value));
}

static struct json_object *words_of(const struct bit_word *words, uint64_t bits)
{
	struct json_object *array = json_object_new_array();

	for (; words->word; words++)
		if (bits & words->bit)
			json_object_array_add(array, json_object_new_string(words->word));
	return array;
}

static struct json_object *refusals_of(const struct plan_facet *facet)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < facet->refusal_count; i++) {
		const struct plan_refusal *refusal = &facet->refusals[i];
		struct json_object *object = json_object_new_object();

		add_string(object, "mechanism", mechanism_name(refusal->mechanism));
		add_string(object, "fact",
			   refusal->fact < FACT_ID_COUNT ? fact_name(refusal->fact) : NULL);
		add_string(object, "reason", refusal->reason);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *facets_of(const struct plan *plan)
{
	struct json_object *all = json_object_new_object();

	for (int i = 0; i < FACET_COUNT; i++) {
		const struct plan_facet *facet = &plan->facets[i];
		struct json_object *object = json_object_new_object();

		add_string(object, "mechanism", facet->mechanism == MECHANISM_NOT_CHOSEN ?
							NULL :
							mechanism_name(facet->mechanism));
		add_string(object, "strength", strength_name(facet->strength));
		add_bool(object, "weakened", facet->weakened);
		add_string(object, "note", facet->note[0] ? facet->note : NULL);
		json_object_object_add(object, "refused", refusals_of(facet));
		json_object_object_add(all, facet_name((enum facet)i), object);
	}
	return all;
}

static struct json_object *ranges_of(const struct plan_id_range *ranges, unsigned count)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();

		add_number(object, "inside", ranges[i].inside);
		add_number(object, "outside", ranges[i].outside);
		add_number(object, "count", ranges[i].count);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *capabilities_of(uint64_t bits)
{
	struct json_object *array = json_object_new_array();

	for (int number = 0; number < 64; number++) {
		char *name;

		if (!(bits & (UINT64_C(1) << number)))
			continue;
		name = cap_to_name(number);
		if (name)
			json_object_array_add(array, json_object_new_string(name));
		cap_free(name);
	}
	return array;
}

static struct json_object *operations_of(const struct plan *plan)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < plan->op_count; i++) {
		const struct plan_op *op = &plan->ops[i];
		struct json_object *object = json_object_new_object();

		add_string(object, "operation", plan_op_kind_name(op->kind));
		if (op->kind == PLAN_OP_MOUNT)
			add_string(object, "type", mount_kind_name(op->mount_kind));
		if (op->source)
			add_string(object, "source", op->source);
		add_string(object, "target", op->target);
		if (op->content)
			add_string(object, "content", op->content);
		json_object_object_add(object, "options", words_of(mount_option_words, op->options));
		if (op->size)
			add_number(object, "size", op->size);
		if (op->mode) {
			char mode[16];

			snprintf(mode, sizeof(mode), "%04o", (unsigned)op->mode);
			add_string(object, "mode", mode);
		}
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *warnings_of(const struct plan *plan)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < plan->warning_count; i++)
		json_object_array_add(array, json_object_new_string(plan->warnings[i]));
	return array;
}

static struct json_object *command_of(const struct plan *plan)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < plan->spec->process.argc; i++)
		json_object_array_add(array,
				      json_object_new_string(plan->spec->process.argv[i]));
	return array;
}

static int trapped_calls(const struct plan *plan)
{
	int count = 0;

	for (unsigned i = 0; i < PLAN_TRAP_WORDS; i++)
		count += __builtin_popcountll(plan->trapped[i]);
	return count;
}

char *plan_to_json(void *parent, const struct plan *plan)
{
	struct json_object *root = json_object_new_object();
	char *text;

	add_number(root, "amphora_plan", 1);
	add_string(root, "backend", plan_backend_name(plan->backend));
	json_object_object_add(root, "facets", facets_of(plan));
	json_object_object_add(root, "warnings", warnings_of(plan));
	json_object_object_add(root, "command", command_of(plan));
	add_string(root, "rootfs", plan->rootfs);
	add_string(root, "hostname", plan->hostname);
	add_string(root, "network_mode", net_mode_name(plan->spec->net.mode));
	json_object_object_add(root, "namespaces", words_of(namespace_words, plan->clone_flags));
	json_object_object_add(root, "uid_ranges",
			       ranges_of(plan->uid_ranges, plan->uid_range_count));
	json_object_object_add(root, "gid_ranges",
			       ranges_of(plan->gid_ranges, plan->gid_range_count));
	add_bool(root, "use_newuidmap", plan->use_newuidmap);
	json_object_object_add(root, "capabilities", capabilities_of(plan->capabilities));
	add_bool(root, "seccomp_profile", plan->seccomp_profile);
	add_bool(root, "no_new_privs", plan->no_new_privs);
	add_bool(root, "pid1_init", plan->pid1_init);
	add_bool(root, "deny_network", plan->deny_network);
	add_bool(root, "emulate_netlink", plan->emulate_netlink);
	add_bool(root, "fake_ids", plan->fake_ids);
	add_bool(root, "keep_ids", plan->keep_ids);
	add_bool(root, "own_ids_are_users", plan->own_ids_are_users);
	add_bool(root, "landlock", plan->landlock);
	add_bool(root, "emulate_links", plan->emulate_links);
	add_bool(root, "make_links", plan->make_links);
	add_bool(root, "emulate_sysvipc", plan->emulate_sysvipc);
	add_bool(root, "process_vm", plan->process_vm);
	add_bool(root, "notify", plan->notify);
	add_bool(root, "openat2", plan->openat2);
	add_bool(root, "seccomp_stop_after_entry", plan->seccomp_stop_after_entry);
	add_bool(root, "syscall_info", plan->syscall_info);
	add_bool(root, "mount_api", plan->mount_api);
	add_string(root, "fast_path", fast_path_name(plan->fast_path));
	add_number(root, "trapped_calls", trapped_calls(plan));
	json_object_object_add(root, "operations", operations_of(plan));

	text = talloc_strdup(parent, json_object_to_json_string_ext(
					     root, JSON_C_TO_STRING_PRETTY |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return text;
}
