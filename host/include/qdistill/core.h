/* SPDX-License-Identifier: Apache-2.0 */
/** @file core.h  The ground floor: what crosses from room to room. JSON and YAML have headers of their own (core/json.h, core/yaml.h). */
#ifndef QDISTILL_CORE_H
#define QDISTILL_CORE_H

#include "qdistill/core/analysers.h"
#include "qdistill/core/bits.h"
#include "qdistill/core/epoch.h"
#include "qdistill/core/files.h"
#include "qdistill/core/interval.h"
#include "qdistill/core/ledger.h"
#include "qdistill/core/progress.h"
#include "qdistill/core/report.h"
#include "qdistill/core/rng.h"
#include "qdistill/core/secret.h"
#include "qdistill/core/status.h"
#include "qdistill/core/tags.h"
#include "qdistill/core/transcript.h"

#endif
