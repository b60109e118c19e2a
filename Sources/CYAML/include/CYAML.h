// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdlib.h>
#include <yaml.h>

/// A parser with its current event; the bytes must outlive it.
typedef struct {
  yaml_parser_t parser;
  yaml_event_t event;
  int has_event;
} cyaml_reader;

/// NULL when memory is short.
static inline cyaml_reader *cyaml_open(const unsigned char *bytes, size_t count) {
  cyaml_reader *reader = (cyaml_reader *)calloc(1, sizeof(cyaml_reader));
  if (!reader) return 0;
  if (!yaml_parser_initialize(&reader->parser)) {
    free(reader);
    return 0;
  }
  yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&reader->parser, bytes, count);
  return reader;
}

static inline void cyaml_close(cyaml_reader *reader) {
  if (reader->has_event) yaml_event_delete(&reader->event);
  yaml_parser_delete(&reader->parser);
  free(reader);
}

/// The next event's type, or -1 on an error, which `cyaml_problem` tells.
static inline int cyaml_next(cyaml_reader *reader) {
  if (reader->has_event) yaml_event_delete(&reader->event);
  reader->has_event = yaml_parser_parse(&reader->parser, &reader->event);
  return reader->has_event ? (int)reader->event.type : -1;
}

/// Lines are counted from 0.
static inline size_t cyaml_line(const cyaml_reader *reader) {
  return reader->event.start_mark.line;
}
static inline size_t cyaml_problem_line(const cyaml_reader *reader) {
  return reader->parser.problem_mark.line;
}
static inline const char *cyaml_problem(const cyaml_reader *reader) {
  return reader->parser.problem;
}
/// A scalar's bytes, alive until the next event.
static inline const unsigned char *cyaml_scalar(const cyaml_reader *reader) {
  return reader->event.data.scalar.value;
}
static inline size_t cyaml_scalar_length(const cyaml_reader *reader) {
  return reader->event.data.scalar.length;
}
/// Whether a scalar stands without quotes.
static inline int cyaml_scalar_is_plain(const cyaml_reader *reader) {
  return reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}
/// Whether a node has an anchor or a tag.
static inline int cyaml_is_marked(const cyaml_reader *reader) {
  switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
      return reader->event.data.scalar.anchor || reader->event.data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
      return reader->event.data.sequence_start.anchor || reader->event.data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
      return reader->event.data.mapping_start.anchor || reader->event.data.mapping_start.tag;
    default: return 0;
  }
}
