/**
 * The part of TensorFlow's C API that the ops need, found at run time in the library that the process has loaded.
 *
 * Nothing of TensorFlow is included or linked: its C API is stable, and the addon must load where there is no
 * TensorFlow. Types and signatures are those of tensorflow/c/{kernels,ops,tf_tensor,tf_status}.h, TensorFlow 2.9 and
 * later.
 */
#pragma once

#include <cstddef>
#include <cstdint>

struct TF_Status;
struct TF_Tensor;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_OpDefinitionBuilder;
struct TF_KernelBuilder;
struct TF_ShapeInferenceContext;

namespace lilaw::tensorflow {

/** TF_DataType and TF_Code, as far as they are used. */
enum DataType : int { kFloat = 1, kInt32 = 3 };
enum Code : int { kOk = 0, kInvalidArgument = 3, kResourceExhausted = 8, kInternal = 13 };

/** Every function as F(return type, name, parameters). */
#define LILAW_TENSORFLOW_FUNCTIONS(F)                                                                       \
  F(TF_Status*, TF_NewStatus, (void))                                                                       \
  F(void, TF_DeleteStatus, (TF_Status*))                                                                    \
  F(void, TF_SetStatus, (TF_Status*, int, const char*))                                                     \
  F(int, TF_GetCode, (const TF_Status*))                                                                    \
  F(const char*, TF_Message, (const TF_Status*))                                                            \
  F(void, TF_DeleteTensor, (TF_Tensor*))                                                                    \
  F(int, TF_NumDims, (const TF_Tensor*))                                                                    \
  F(std::int64_t, TF_Dim, (const TF_Tensor*, int))                                                          \
  F(std::int64_t, TF_TensorElementCount, (const TF_Tensor*))                                                \
  F(int, TF_TensorType, (const TF_Tensor*))                                                                 \
  F(void*, TF_TensorData, (const TF_Tensor*))                                                               \
  F(TF_OpDefinitionBuilder*, TF_NewOpDefinitionBuilder, (const char*))                                      \
  F(void, TF_OpDefinitionBuilderAddAttr, (TF_OpDefinitionBuilder*, const char*))                            \
  F(void, TF_OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder*, const char*))                           \
  F(void, TF_OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder*, const char*))                          \
  F(void, TF_OpDefinitionBuilderSetShapeInferenceFunction,                                                  \
    (TF_OpDefinitionBuilder*, void (*)(TF_ShapeInferenceContext*, TF_Status*)))                             \
  F(void, TF_ShapeInferenceContextSetUnknownShape, (TF_ShapeInferenceContext*, TF_Status*))                 \
  F(void, TF_RegisterOpDefinition, (TF_OpDefinitionBuilder*, TF_Status*))                                   \
  F(TF_KernelBuilder*, TF_NewKernelBuilder,                                                                 \
    (const char*, const char*, void* (*)(TF_OpKernelConstruction*), void (*)(void*, TF_OpKernelContext*),   \
     void (*)(void*)))                                                                                      \
  F(void, TF_RegisterKernelBuilder, (const char*, TF_KernelBuilder*, TF_Status*))                           \
  F(void, TF_OpKernelContext_Failure, (TF_OpKernelContext*, TF_Status*))                                    \
  F(int, TF_NumInputs, (TF_OpKernelContext*))                                                               \
  F(void, TF_GetInput, (TF_OpKernelContext*, int, TF_Tensor**, TF_Status*))                                 \
  F(TF_Tensor*, TF_AllocateOutput,                                                                          \
    (TF_OpKernelContext*, int, int, const std::int64_t*, int, std::size_t, TF_Status*))

#define LILAW_DECLARE(result, name, parameters) result(*name) parameters;
struct CApi {
  LILAW_TENSORFLOW_FUNCTIONS(LILAW_DECLARE)
};
#undef LILAW_DECLARE

}  // namespace lilaw::tensorflow
