/** Cases of the three operations: right, odd or wrong calls, in every form. */
import { Random } from "@lilaw/core";
import { type Ending, FaultFound } from "../kind.js";
import { checkRefusal } from "../refusals.js";
import { type Call, checkRight, type Form, foundBy, operations, outputsOf, randomCall } from "./call.js";
import { checkSameImages, type NumberArray } from "./memory.js";
import { type Twisted, type TwistName, twists, unknown } from "./twists.js";
import { chance, OwnError, pick } from "./values.js";

const twistNames = Object.keys(twists) as TwistName[];

type Ended = { readonly result: unknown } | { readonly error: unknown };

export function operationCase(formsOf: readonly Form[], seed: number, index: number): Ending {
  const random = Random.from(seed, "operation", index);
  const call = randomCall(pick(random, operations), pick(random, formsOf), random);
  const name = chance(random, 0.3) ? "none" : pick(random, twistNames);
  const written = outputsOf(call);
  // A twist that does not apply to the call leaves it unchanged.
  const twisted: Twisted = twists[name](call, random) ?? { expectation: "right" };
  try {
    return judge(call, twisted, written, name === "none");
  } catch (error) {
    if (!(error instanceof FaultFound)) throw error;
    const { operation, form } = call;
    const what = [operation, form, name, twisted.about].filter(Boolean).join(", ");
    throw new FaultFound(error.fault, `${what}: ${error.message}`);
  }
}

function judge(call: Call, twisted: Twisted, meantOutputs: NumberArray[], repeat: boolean): Ending {
  const ended = end(call, twisted);
  if ("error" in ended) {
    if (ended.error instanceof FaultFound) throw ended.error;
    if (!(ended.error instanceof OwnError)) checkRefusal(ended.error, call.thrower);
    call.memory.checkUntouched([], "after a refusal");
    if (twisted.expectation !== "right" || mayRefuse(call)) return "refused";
    throw new FaultFound(
      "silentDifferences",
      `a right call was refused: ${(ended.error as Error).message.slice(0, 300)}`,
    );
  }
  if (twisted.expectation === "refused")
    throw new FaultFound("silentDifferences", "a wrong call was carried out");
  call.memory.checkUntouched([...meantOutputs, ...outputsOf(call)], "beside the outputs");
  if (ended.result === unknown) return "right";
  checkRight(call, foundBy(call, ended.result));
  if (repeat) checkRepeats(call, ended.result);
  return "right";
}

/** @throws FaultFound unless the same call again gives the same bits */
function checkRepeats(call: Call, result: unknown): void {
  const first = call.memory.image();
  const scalars = JSON.stringify(result, scalarsOnly);
  call.memory.restore();
  const again = call.run();
  checkSameImages(call.memory.image(), first, "the same call again");
  if (JSON.stringify(again, scalarsOnly) !== scalars)
    throw new FaultFound("silentDifferences", "the same call again: other scalars");
}

const scalarsOnly = (_: string, value: unknown) => (ArrayBuffer.isView(value) ? undefined : value);

function end(call: Call, { around }: Twisted): Ended {
  try {
    const run = () => call.run();
    return { result: around ? around(run) : run() };
  } catch (error) {
    return { error };
  }
}

/**
 * A step of the scalars is refused where the validation batch is not finite, and where the mean is taken over no
 * rows.
 */
const mayRefuse = (call: Call): boolean => call.form === "method" && call.operation === "metaGradient";
