/**
 * The numbers that lib/ shares with this addon, by name: TypeScript looks all of them up here. A fingerprint detects an
 * addon built from other sources. It covers everything but the list of losses, whose names are looked up in every call.
 */
#include <cstddef>
#include <cstdio>
#include <string>

#include "../math/loss_traits.h"
#include "../tensorflow/settings.h"
#include "arguments.h"
#include "module.h"

namespace lilaw::addon {
namespace {

/** JSON of names and numbers that need no escapes. */
class Json {
 public:
  Json& open(char bracket) { return text(std::string(1, bracket), true); }
  Json& close(char bracket) {
    json_ += bracket;
    first_ = false;
    return *this;
  }
  Json& name(const char* name) {
    text('"' + std::string(name) + "\":", true);
    return *this;
  }
  Json& text(const char* value) { return text('"' + std::string(value) + '"', false); }
  Json& number(std::int64_t value) { return text(std::to_string(value), false); }
  template <std::size_t N>
  Json& texts(const char* const (&values)[N]) {
    open('[');
    for (const char* value : values) text(value);
    return close(']');
  }
  const std::string& result() const { return json_; }

 private:
  Json& text(const std::string& part, bool first) {
    if (!first_) json_ += ',';
    json_ += part;
    first_ = first;
    return *this;
  }

  std::string json_;
  bool first_ = true;
};

struct Member {
  const char* name;
  std::size_t offset;
};

/** A structure of results: its size in words of 8 bytes, and the word of each member. */
template <std::size_t N>
void add_result(Json& json, const char* name, std::size_t bytes, const Member (&members)[N]) {
  json.name(name).open('{').name("words").number(bytes / 8).name("members").open('{');
  for (const Member& member : members) json.name(member.name).number(member.offset / 8);
  json.close('}').close('}');
}

void add_loss(Json& json, const LossTraits& traits) {
  json.open('{').name("name").text(traits.name);
  json.name("label").text(kLabelTypeNames[static_cast<int>(traits.label)]);
  json.name("ofLabelProb").number(traits.of_label_prob ? 1 : 0).name("parameters").open('[');
  for (std::int32_t i = 0; i < traits.parameter_count; i++) {
    const ParameterTraits& parameter = traits.parameters[i];
    json.open('{').name("name").text(parameter.name).name("range").text(parameter.range).close('}');
  }
  json.close(']').close('}');
}

void add_results(Json& json) {
  using Loss = lilaw_weighted_loss_result;
  add_result(json, "weightedLossResult", sizeof(Loss),
             {{"alpha", offsetof(Loss, gradient.alpha)},
              {"beta", offsetof(Loss, gradient.beta)},
              {"delta", offsetof(Loss, gradient.delta)},
              {"objective", offsetof(Loss, objective)},
              {"nonFiniteRows", offsetof(Loss, non_finite_rows)},
              {"invalidLabels", offsetof(Loss, invalid_labels)}});
  using Meta = lilaw_meta_gradient_result;
  add_result(json, "metaGradientResult", sizeof(Meta),
             {{"alpha", offsetof(Meta, gradient.alpha)},
              {"beta", offsetof(Meta, gradient.beta)},
              {"delta", offsetof(Meta, gradient.delta)},
              {"objective", offsetof(Meta, objective)},
              {"nonFiniteRows", offsetof(Meta, non_finite_rows)},
              {"invalidLabels", offsetof(Meta, invalid_labels)},
              {"moved", offsetof(Meta, moved)}});
  using Alignment = lilaw_alignment_weights_result;
  add_result(json, "alignmentWeightsResult", sizeof(Alignment),
             {{"nonFiniteRows", offsetof(Alignment, non_finite_rows)},
              {"invalidLabels", offsetof(Alignment, invalid_labels)}});
}

void add_op_settings(Json& json) {
  using namespace tensorflow;
  json.name("opSettings").open('{');
  json.name("alpha").number(kAlpha).name("beta").number(kBeta).name("delta").number(kDelta);
  json.name("parameters").number(kParameters).name("loss").number(kLoss).name("gradient").number(kGradient);
  json.name("normalize").number(kNormalize).name("weighted").number(kWeighted).name("rowMask").number(kRowMask);
  json.name("transition").number(kTransition).name("count").number(kSettings).close('}');
  constexpr const char* kNames[] = {"losses",      "weights", "labelProbs", "maxProbs",
                                    "predictions", "alpha",   "beta",       "delta"};
  static_assert(sizeof kNames / sizeof kNames[0] == kRowValues, "a name for each row value");
  json.name("rowValues").texts(kNames);
}

/** The arguments of the operations by position, as lib/marshal.ts passes them and operations.cpp reads them. */
constexpr const char* kArguments[] = {
    "weightedLoss(batch, params, gradient, normalize, sampleWeights, losses, weights, labelProbs, maxProbs, predictions, "
    "terms, gradLogits, result)",
    "metaGradient(batch, params, coefficients, result)",
    "metaStep(batch, params, coefficients, result, learningRate, weightDecay, clamp)",
    "alignmentWeights(batch, tangents, alignments, weights, result)",
    "batch: rows, classes, loss or [loss, ...parameters], logits, labels, transition",
};

std::string structure() {
  Json json;
  json.open('{');
  json.name("gradientModes").texts({"full", "detached"});
  json.name("normalizations").texts({"none", "batch-mean"});
  static_assert(LILAW_FULL == 0 && LILAW_DETACHED == 1 && LILAW_NONE == 0 && LILAW_BATCH_MEAN == 1, "in this order");
  json.name("elements").texts({"float32", "float16", "bfloat16", "float64", "int32", "uint8"});
  static_assert(static_cast<int>(Element::kUint8) == 5 && static_cast<int>(Element::kFloat64) == 3, "in this order");
  add_results(json);
  add_op_settings(json);
  json.name("arguments").texts(kArguments);
  return json.close('}').result();
}

std::string losses() {
  Json json;
  json.open('[');
  for (const LossTraits& traits : kLosses) add_loss(json, traits);
  return json.close(']').result();
}

/** FNV-1a, 64 bits. */
std::string fingerprint(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

}  // namespace

void define_layout(Napi::Object exports) {
  const std::string shared = structure();
  exports.Set("layout", shared);
  exports.Set("layoutHash", fingerprint(shared));
  exports.Set("losses", losses());
}

}  // namespace lilaw::addon
