#include "attack.h"

#include <algorithm>
#include <functional>
#include <random>

namespace careledger::linkage {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::size_t kFeatures = 7;
constexpr std::size_t kBins = 48;
constexpr std::size_t kStrangers = 40;  // wrong candidates learned from for each right one

using Evidence = std::array<std::uint8_t, kFeatures>;

// Signed, finer the nearer: two bins for each doubling of a tenth of a second.
std::uint8_t bin_of(std::int64_t ms) {
  const double size = std::min(2 * std::log2(1 + std::abs(static_cast<double>(ms)) / 100), kBins / 2 - 1.0);
  return static_cast<std::uint8_t>(kBins / 2 + (ms < 0 ? -1 : 1) * static_cast<int>(size) - (ms < 0 ? 1 : 0));
}
std::uint8_t count_bin(std::int64_t value) { return static_cast<std::uint8_t>(std::clamp<std::int64_t>(value, 0, kBins - 1)); }

// Learns from known cases how likely each bin of each feature is for the right candidate and for a wrong one (naive Bayes).
class Judge {
 public:
  void learn(const Evidence& evidence, bool right) {
    for (std::size_t f = 0; f < kFeatures; ++f) counts_[right][f][evidence[f]] += 1;
    totals_[right] += 1;
  }
  double score(const Evidence& evidence) const {
    double sum = 0;
    for (std::size_t f = 0; f < kFeatures; ++f) sum += std::log(share(true, f, evidence[f]) / share(false, f, evidence[f]));
    return sum;
  }

 private:
  double share(bool right, std::size_t feature, std::uint8_t bin) const {
    return (counts_[right][feature][bin] + 0.5) / (totals_[right] + 0.5 * kBins);
  }
  std::array<std::array<std::array<double, kBins>, kFeatures>, 2> counts_{};
  std::array<double, 2> totals_{};
};

struct Candidate {
  AccountId id;
  const Pseudonym* seen;
};

// One question: who of the candidates is it? The answers to half of the questions are known to the attacker, who learns from them.
struct Question {
  AccountId truth;
  std::vector<Candidate> candidates;
  std::function<Evidence(const Pseudonym&)> look;
  std::size_t active = 0;  // in the same hour
};

void learn_from(const Question& question, std::mt19937_64& random, Judge& judge) {
  for (const Candidate& one : question.candidates)
    if (one.id == question.truth) judge.learn(question.look(*one.seen), true);
  for (std::size_t i = 0; i < kStrangers && question.candidates.size() > 1; ++i) {
    const Candidate& one = question.candidates[random() % question.candidates.size()];
    if (one.id != question.truth) judge.learn(question.look(*one.seen), false);
  }
}

// Among equals the attacker throws dice: the chance of being right is what counts.
double answer(const Question& question, const Judge& judge) {
  double best = -1e300;
  double equals = 0;
  bool right = false;
  for (const Candidate& one : question.candidates) {
    const double score = judge.score(question.look(*one.seen));
    if (score < best) continue;
    if (score > best) equals = 0, right = false;
    best = score;
    equals += 1;
    right = right || one.id == question.truth;
  }
  return right ? 1 / equals : 0;
}

Outcome ask(const std::vector<Question>& questions) {
  std::mt19937_64 random(1);
  Judge judge;
  for (std::size_t i = 0; i < questions.size(); i += 2) learn_from(questions[i], random, judge);
  Outcome out;
  for (std::size_t i = 1; i < questions.size(); i += 2) {
    if (questions[i].active < 2) {
      ++out.alone;
      continue;
    }
    const double right = answer(questions[i], judge);
    const double guess = 1.0 / static_cast<double>(questions[i].active);
    out.right += right;
    out.guess += guess;
    out.advantage.push_back(right - guess);
  }
  return out;
}

// Those of a hospital in the order of one of their times, so that a window of them is found quickly.
class Timeline {
 public:
  void add(std::int64_t time, const Candidate& one) { by_time_.emplace(time, one); }
  void add_between(std::int64_t from, std::int64_t to, std::vector<Candidate>& out) const {
    for (auto it = by_time_.lower_bound(from); it != by_time_.end() && it->first < to; ++it) out.push_back(it->second);
  }

 private:
  std::multimap<std::int64_t, Candidate> by_time_;
};

void keep_one_of_each(std::vector<Candidate>& candidates) {
  const auto less = [](const Candidate& a, const Candidate& b) { return a.id < b.id; };
  const auto same = [](const Candidate& a, const Candidate& b) { return a.id == b.id; };
  std::sort(candidates.begin(), candidates.end(), less);
  candidates.erase(std::unique(candidates.begin(), candidates.end(), same), candidates.end());
}

using Hours = std::map<std::pair<std::size_t, std::int64_t>, std::size_t>;  // hospital, hour -> how many

// The features of a pair: co-occurrence in time, the hospital's numbers, adjacency on the ledger, device clock, habits, counts.
Evidence compare(const Pseudonym& granted, const Pseudonym& other) {
  const Act& accept = other.accepted.front();
  const auto nearer = [&accept](const Act& a, const Act& b) { return std::abs(a.time - accept.time) < std::abs(b.time - accept.time); };
  const Act& grant = *std::min_element(granted.granted.begin(), granted.granted.end(), nearer);
  Evidence out{};
  out[0] = bin_of(grant.time - accept.time);
  out[1] = bin_of(grant.time - other.proposed.bracket);
  out[2] = bin_of((grant.position - accept.position) * 100);
  out[3] = bin_of(grant.residue - accept.residue);
  out[4] = other.granted.empty() ? std::uint8_t{0} : bin_of((grant.days - other.granted.front().days) * 1000);
  out[5] = count_bin(granted.commands * 6 + std::min(other.commands, 5));
  out[6] = bin_of(accept.time - other.proposed.time);
  return out;
}

Evidence compare_desk(std::int64_t desk, const Pseudonym& other) {
  Evidence out{};
  out[0] = bin_of(other.proposed.time - desk);
  out[1] = bin_of(other.proposed.bracket - desk);
  out[2] = bin_of(other.proposed.residue);
  out[3] = other.accepted.empty() ? std::uint8_t{0} : bin_of(other.accepted.front().time - desk);
  out[4] = other.wallet ? 1 : 0;
  return out;
}

}  // namespace

Outcome link_pseudonyms(const City& city, const Seen& seen) {
  std::array<Timeline, 2> accepted;
  for (const auto& [id, one] : seen)
    if (!one.accepted.empty()) accepted[one.hospital].add(one.accepted.front().time, {id, &one});
  Hours active;
  for (const Person& person : city.people)
    for (std::size_t h = 0; h < 2; ++h)
      if (person.accepted[h] != 0) ++active[{h, person.accepted[h] / kHour}];
  std::vector<Question> questions;
  for (const Person& person : city.people) {
    if (!person.granted) continue;
    const std::size_t there = 1 - person.first;
    const auto mine = seen.find(person.pseudonym[person.first]);
    const auto other = seen.find(person.pseudonym[there]);
    if (mine == seen.end() || other == seen.end() || mine->second.granted.empty() || other->second.accepted.empty()) continue;
    Question question{other->first, {}, {}, 0};
    for (const Act& grant : mine->second.granted)
      accepted[there].add_between(grant.time - 6 * kHour, grant.time + 2 * kHour, question.candidates);
    keep_one_of_each(question.candidates);
    question.look = [&mine = mine->second](const Pseudonym& one) { return compare(mine, one); };
    question.active = active[{there, person.accepted[there] / kHour}];
    questions.push_back(std::move(question));
  }
  return ask(questions);
}

Outcome find_the_person(const City& city, const Seen& seen, std::uint64_t seed) {
  std::array<Timeline, 2> proposed;
  for (const auto& [id, one] : seen) proposed[one.hospital].add(one.proposed.time, {id, &one});
  Hours active;
  for (const Person& person : city.people)
    for (std::size_t h = 0; h < 2; ++h)
      if (person.desk[h] != 0) ++active[{h, person.desk[h] / kHour}];
  std::mt19937_64 random(seed);
  std::vector<Question> questions;
  for (const Person& person : city.people) {
    for (std::size_t h = 0; h < 2; ++h) {
      if (person.desk[h] == 0 || !seen.contains(person.pseudonym[h])) continue;
      const std::int64_t witnessed = person.desk[h] + static_cast<std::int64_t>(random() % (2 * kMinute)) - kMinute;
      Question question{person.pseudonym[h], {}, {}, 0};
      proposed[h].add_between(witnessed - 5 * kMinute, witnessed + 65 * kMinute, question.candidates);
      question.look = [witnessed](const Pseudonym& one) { return compare_desk(witnessed, one); };
      question.active = active[{h, person.desk[h] / kHour}];
      questions.push_back(std::move(question));
    }
  }
  return ask(questions);
}

}  // namespace careledger::linkage
