"""Words and texts in Korean, Chinese and English, of the length that people write.

Purpose: search, compression and storage must meet text like real text: three scripts, frequent and
rare words (Zipf), about 400 bytes a message. Drawn from a `random.Random` that the caller seeds.
"""

import random
from typing import Final

LANGUAGES: Final = ("ko", "zh", "en")
LANGUAGE_SHARES: Final = (5, 3, 2)

TEXTS: Final = {
    "ko": (
        "오늘 내일 우리 동네 마을 모임 시장 나눔 도움 감사합니다 안녕하세요 필요해요 있어요 없어요 "
        "가져가세요 만나요 함께 조금 많이 정말 아침 저녁 주말 아이들 할머니 이웃 사과 감자 "
        "배추 김치 "
        "된장 자전거 책상 의자 냉장고 수리 청소 번역 과외 컴퓨터 전화 사진 음악 노래 텃밭 "
        "씨앗 거름 "
        "반찬 빵 커피 차 옷 신발 우산 약속 시간 장소 역 앞 버스 병원 학교 도서관 공원 바다 산 하늘"
    ),
    "zh": (
        "今天 明天 我们 社区 邻居 市场 分享 帮助 谢谢 您好 需要 可以 没有 请来 一起 一点 很多 真的 "
        "早上 晚上 周末 孩子 奶奶 苹果 土豆 白菜 豆腐 酱油 自行车 桌子 椅子 冰箱 修理 打扫 "
        "翻译 家教 "
        "电脑 电话 照片 音乐 唱歌 菜园 种子 肥料 面包 咖啡 茶叶 衣服 鞋子 雨伞 约定 时间 地点 车站 "
        "公交 医院 学校 图书馆 公园 大海 高山 天空 手工 厨房 水果 新鲜 便宜 交换 学分 合作 会员"
    ),
    "en": (
        "the a we you and for with today tomorrow village neighbour market share help thanks hello "
        "need have come together little many really morning evening weekend children grandmother "
        "apple potato cabbage bread coffee tea bicycle table chair fridge repair cleaning lessons "
        "translation computer phone photo music garden seeds compost clothes shoes umbrella time "
        "place station bus hospital school library park sea mountain sky kitchen fresh swap credit "
        "member chapter meeting harvest tools ladder drill paint wood honey eggs cheese soup"
    ),
}
WORDS: Final = {language: text.split() for language, text in TEXTS.items()}
_WEIGHTS: Final = {
    language: [1 / (rank + 2) for rank in range(len(words))] for language, words in WORDS.items()
}
MARKS: Final = {"ko": (" ", ". "), "zh": ("", "。"), "en": (" ", ". ")}
TEXT_MEAN_BYTES: Final = 400
TEXT_SPREAD_BYTES: Final = 150
TEXT_LEAST_BYTES: Final = 40


def pick_language(chance: random.Random) -> str:
    """One of the three languages."""
    return chance.choices(LANGUAGES, LANGUAGE_SHARES)[0]


def words(chance: random.Random, language: str, count: int) -> str:
    """Some words, common ones more often."""
    gap = MARKS[language][0]
    return gap.join(chance.choices(WORDS[language], _WEIGHTS[language], k=count))


def text(chance: random.Random, language: str) -> str:
    """A text of about 400 bytes in sentences."""
    wanted = max(TEXT_LEAST_BYTES, round(chance.gauss(TEXT_MEAN_BYTES, TEXT_SPREAD_BYTES)))
    parts: list[str] = []
    size = 0
    while size < wanted:
        sentence = words(chance, language, chance.randrange(4, 12)) + MARKS[language][1]
        parts.append(sentence)
        size += len(sentence.encode())
    return "".join(parts).strip()
